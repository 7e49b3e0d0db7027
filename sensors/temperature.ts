/**
 * Temperatures of every chip, disk and thermal zone that the kernel knows, and of the management controller: `<sys>/class/hwmon`,
 * `<sys>/class/thermal`, `ipmitool sdr`. Nothing is left out, and nothing is guessed: which of them is "the CPU" is the operator's to say.
 * https://docs.kernel.org/hwmon/sysfs-interface.html
 */
import * as z from 'zod';
import { Unavailable } from '../src/errors.ts';
import { type AnyTable, defineSchema, gauge, updowncounter } from '../src/event.ts';
import type { Host } from '../src/host.ts';
import { type Channel, IDENTITY, type Identity } from '../src/hwmon/chips.ts';
import { Hardware, type Sampled } from '../src/hwmon/hardware.ts';
import { limitsOf, STATES, type State, stateOf } from '../src/hwmon/limits.ts';
import { Thermal } from '../src/hwmon/thermal.ts';
import { ipmiOptions } from '../src/ipmi/sdr.ts';
import { defineSensor, type Sampler, type SensorContext } from '../src/sensor.ts';

/** The kernel counts thousandths. */
const MILLI = 1000;
const PERCENT_MILLI = 100_000;
/** Chips without a limit write the largest or smallest number that they have room for. No limit is beyond these, in Celsius. */
const [COLDEST, HOTTEST] = [-273, 1000];
const isPossible = (limit: number): boolean => limit > COLDEST && limit < HOTTEST;

const temperatures = defineSchema({
  type: 'hw',
  doc: 'Each temperature. `hw.id` is the path of the device and the channel, `hw.sensor_location` the label that the chip or board gives it.',
  attributes: IDENTITY,
  fields: { temperature: gauge('Cel', 'Temperature.') },
});

const limits = defineSchema({
  type: 'hw.temperature',
  doc: 'Limits of each temperature: `high.critical`, `high.degraded` (hwmon: max), `low.degraded` (min), `low.critical`, `high.emergency`, and of zones `throttled` (passive) and `active`.',
  attributes: [...IDENTITY, 'hw.limit_type'],
  fields: {
    limit: gauge('Cel', 'The limit.'),
    alarm: gauge('1', '1 while the chip says that it is passed, 0 while not. Absent where it does not watch it.'),
  },
});

const status = defineSchema({
  type: 'hw',
  doc: 'What the chip says of itself where it watches limits: ok, degraded (a limit is passed), failed (no sensor behind it). The state that it is in is 1.',
  attributes: [...IDENTITY, 'hw.type', 'hw.state'],
  fields: { status: updowncounter('1', '1 for the state that it is in, 0 for the others.') },
});

// The conventions have no humidity and no cooling devices.
const humidity = defineSchema({
  type: 'hw',
  doc: 'Relative humidity, where a chip has it.',
  attributes: IDENTITY,
  fields: { humidity: gauge('1', 'Relative humidity, from 0 to 1.') },
});

const cooling = defineSchema({
  type: 'hw.cooling',
  doc: 'What cools: fans, and processors that are slowed down.',
  attributes: ['hw.id', 'hw.name'],
  fields: {
    state: gauge('1', 'How much it cools now, from 0 to the limit. Absent when it is not in use.'),
    limit: gauge('1', 'The most that it can.'),
  },
});

export default defineSensor({
  name: 'temperature',
  summary: 'Temperatures with their limits and alarms: chips, disks, thermal zones, management controller.',
  emits: [temperatures, limits, status, humidity, cooling],
  options: z.strictObject(ipmiOptions),
  open(host, given, context) {
    if (host.platform !== 'linux') throw new Unavailable(`temperatures are read from Linux' /sys; this is ${host.platform}`);
    const sampler = new Temperatures(host, given, context);
    if (sampler.isEmpty) {
      sampler.close();
      throw new Unavailable(
        `there is no temperature in ${host.sysPath('class/hwmon')} or ${host.sysPath('class/thermal')}, because this is a virtual machine ` +
          'or no driver is loaded for its chips: sensors-detect finds it; drivetemp is the one for SATA disks',
      );
    }
    return sampler;
  },
});

class Temperatures implements Sampler {
  readonly #hardware: Hardware;
  readonly #thermal: Thermal;

  constructor(host: Host, given: z.output<z.ZodObject<typeof ipmiOptions>>, context: SensorContext) {
    this.#hardware = new Hardware(host, ['temp', 'humidity'], given, context);
    this.#thermal = new Thermal(host);
  }

  get isEmpty(): boolean {
    this.#thermal.read();
    return this.#hardware.isEmpty && this.#thermal.zones.length === 0 && this.#thermal.cooling.length === 0;
  }

  sample(signal: AbortSignal, time: number): AnyTable[] | Promise<AnyTable[]> {
    this.#thermal.read();
    return this.#hardware.read(signal, time, (sampled) => this.#tables(sampled));
  }

  close(): void {
    this.#hardware.close();
    this.#thermal.close();
  }

  #tables({ chips, ipmi }: Sampled): AnyTable[] {
    const tables = {
      temperatures: temperatures.table(),
      limits: limits.table(),
      status: status.table(),
      humidity: humidity.table(),
      cooling: cooling.table(),
    };
    for (const channel of chips.flatMap(({ channels }) => channels)) addChannel(tables, channel);
    for (const { cells, temperature, trips } of this.#thermal.zones) {
      if (temperature.value !== undefined) tables.temperatures.add(cells, { temperature: temperature.value / MILLI });
      for (const { type, limit, alarm } of trips) tables.limits.add([...cells, type], { limit, alarm });
    }
    for (const { id, type, state, most } of this.#thermal.cooling) {
      const now = state.value !== undefined && state.value >= 0 ? state.value : undefined;
      if (now !== undefined || most !== undefined) tables.cooling.add([id, type], { state: now, limit: most });
    }
    for (const { cells, unit, value, state } of ipmi) {
      if (unit !== 'Cel') continue;
      tables.temperatures.add(cells, { temperature: value });
      addStatus(tables.status, cells, state);
    }
    return Object.values(tables).filter(({ rows }) => rows > 0);
  }
}

interface Tables {
  readonly temperatures: ReturnType<typeof temperatures.table>;
  readonly limits: ReturnType<typeof limits.table>;
  readonly status: ReturnType<typeof status.table>;
  readonly humidity: ReturnType<typeof humidity.table>;
}

function addChannel(tables: Tables, channel: Channel): void {
  const { kind, cells, value } = channel;
  const now = value?.value;
  if (kind === 'humidity') {
    if (now !== undefined) tables.humidity.add(cells, { humidity: now / PERCENT_MILLI });
    return;
  }
  const state = stateOf(channel);
  // What a chip without a sensor behind it writes is a number of its own choice.
  if (now !== undefined && state !== 'failed') tables.temperatures.add(cells, { temperature: now / MILLI });
  for (const { type, limit, alarm } of limitsOf(channel, MILLI, isPossible))
    tables.limits.add([...cells, type], { limit, alarm });
  if (state) addStatus(tables.status, cells, state);
}

function addStatus(table: Tables['status'], cells: Identity, is: State): void {
  for (const state of STATES) table.add([...cells, 'temperature', state], { status: state === is ? 1 : 0 });
}
