/**
 * Power, energy, voltage and current of whatever tells them: chips (`<sys>/class/hwmon`), processors (RAPL, `<sys>/class/powercap`), batteries and mains
 * (`<sys>/class/power_supply`), the management controller (`ipmitool sdr`).
 */
import * as z from 'zod';
import { Unavailable } from '../src/errors.ts';
import { type AnyTable, counter, defineSchema, gauge, updowncounter } from '../src/event.ts';
import type { Host } from '../src/host.ts';
import { type Channel, IDENTITY, type Identity } from '../src/hwmon/chips.ts';
import { Hardware, type Sampled } from '../src/hwmon/hardware.ts';
import { limitsOf, STATES, type State, stateOf } from '../src/hwmon/limits.ts';
import { ipmiOptions } from '../src/ipmi/sdr.ts';
import { Rapl } from '../src/power/rapl.ts';
import { BATTERY_STATES, Supplies, type Supply } from '../src/power/supplies.ts';
import { defineSensor, type Sampler, type SensorContext } from '../src/sensor.ts';

const TYPED = [...IDENTITY, 'hw.type'] as const;
const LIMITED = [...IDENTITY, 'hw.limit_type'] as const;
const ALARM = gauge('1', '1 while the chip says that it is passed, 0 while not. Absent where it does not watch it.');

const power = defineSchema({
  type: 'hw',
  doc: 'Power of each chip, battery or supply that tells it.',
  attributes: TYPED,
  fields: { power: gauge('W', 'Power. Of a battery, what goes in or out; some drivers make the latter negative.') },
});

const energy = defineSchema({
  type: 'hw',
  doc: 'Energy used, as chips and processors (RAPL) count it. The energy of a part of a processor is in that of the whole, its `hw.parent`.',
  attributes: TYPED,
  fields: { energy: counter('J', 'Energy; the wrap-around of RAPL is undone while the service runs.') },
});

const voltage = defineSchema({
  type: 'hw',
  doc: 'Each voltage.',
  attributes: IDENTITY,
  fields: { voltage: gauge('V', 'Voltage.') },
});

// The conventions have no current.
const current = defineSchema({
  type: 'hw',
  doc: 'Each current.',
  attributes: IDENTITY,
  fields: { current: gauge('A', 'Current.') },
});

const LIMITS_DOC = '`low.critical`, `low.degraded` (hwmon: min), `high.degraded` (max), `high.critical`';
const voltageLimits = defineSchema({
  type: 'hw.voltage',
  doc: `Limits of each voltage: ${LIMITS_DOC}.`,
  attributes: LIMITED,
  fields: { limit: gauge('V', 'The limit.'), alarm: ALARM },
});
const currentLimits = defineSchema({
  type: 'hw.current',
  doc: `Limits of each current: ${LIMITS_DOC}.`,
  attributes: LIMITED,
  fields: { limit: gauge('A', 'The limit.'), alarm: ALARM },
});
const powerLimits = defineSchema({
  type: 'hw.power',
  doc: `Limits of each power: ${LIMITS_DOC}, \`throttled\` (cap), and of processors \`long_term\`, \`short_term\`, \`peak_power\` as RAPL has them.`,
  attributes: LIMITED,
  fields: { limit: gauge('W', 'The limit.'), alarm: ALARM },
});

const status = defineSchema({
  type: 'hw',
  doc: 'What each chip says of a voltage, current or power that it watches: ok, degraded, failed; and batteries: charging, discharging, full, not_charging, unknown. The state that it is in is 1.',
  attributes: [...TYPED, 'hw.state'],
  fields: { status: updowncounter('1', '1 for the state that it is in, 0 for the others.') },
});

const BATTERY = ['hw.id', 'hw.model', 'hw.vendor', 'hw.battery.chemistry'] as const;
const batteries = defineSchema({
  type: 'hw.battery',
  doc: 'Each battery that is present.',
  attributes: BATTERY,
  fields: {
    charge: gauge('1', 'How full it is, from 0 to 1.'),
    health: gauge('1', 'What it holds when full, as a share of what it held when new.'),
    energy: gauge('J', 'Energy in it.'),
    energy_full: gauge('J', 'Energy in it when it is full.'),
    cycles: counter('{cycle}', 'How often it was charged. Absent where the firmware does not count.'),
    temperature: gauge('Cel', 'Its temperature.'),
  },
});
const timeLeft = defineSchema({
  type: 'hw.battery',
  doc: 'How long until each battery is empty (discharging) or full (charging), where the firmware reckons it.',
  attributes: [...BATTERY, 'hw.state'],
  fields: { time_left: gauge('s', 'Time left.') },
});
const supplies = defineSchema({
  type: 'hw.power_supply',
  doc: 'Mains, USB and other supplies.',
  attributes: ['hw.id', 'hw.power_supply.type'],
  fields: { online: gauge('1', '0 when it gives no power, 1 when it does, 2 when it gives what was agreed upon (USB).') },
});

export default defineSensor({
  name: 'power',
  summary: 'Power, energy, voltages, currents and batteries: chips, RAPL, power supplies, management controller.',
  emits: [power, energy, voltage, current, voltageLimits, currentLimits, powerLimits, status, batteries, timeLeft, supplies],
  options: z.strictObject(ipmiOptions),
  open(host, given, context) {
    if (host.platform !== 'linux') throw new Unavailable(`power is read from Linux' /sys; this is ${host.platform}`);
    const sampler = new Power(host, given, context);
    if (!sampler.isEmpty) return sampler;
    sampler.close();
    throw new Unavailable(
      sampler.isForbidden
        ? `${host.sysPath('class/powercap')} is not ours to read, because it is root's alone (energy_uj): run as root, or with CAP_DAC_READ_SEARCH`
        : `nothing in ${host.sysPath('class')}/{hwmon,powercap,power_supply} tells of power, because this is a virtual machine or no driver is loaded`,
    );
  },
});

class Power implements Sampler {
  readonly #hardware: Hardware;
  readonly #rapl: Rapl;
  readonly #supplies: Supplies;

  constructor(host: Host, given: z.output<z.ZodObject<typeof ipmiOptions>>, context: SensorContext) {
    this.#hardware = new Hardware(host, ['in', 'curr', 'power', 'energy'], given, context);
    this.#rapl = new Rapl(host);
    this.#supplies = new Supplies(host);
    if (this.isForbidden && !this.isEmpty)
      context.warn(`the energy of the processors is left out: ${host.sysPath('class/powercap')}/*/energy_uj is root's alone`);
  }

  get isEmpty(): boolean {
    return this.#hardware.isEmpty && this.#rapl.zones.length === 0 && this.#supplies.read().length === 0;
  }

  get isForbidden(): boolean {
    return this.#rapl.isForbidden;
  }

  sample(signal: AbortSignal, time: number): AnyTable[] | Promise<AnyTable[]> {
    return this.#hardware.read(signal, time, (sampled) => this.#tables(sampled));
  }

  close(): void {
    this.#hardware.close();
    this.#rapl.close();
    this.#supplies.close();
  }

  #tables({ chips, ipmi }: Sampled): AnyTable[] {
    const tables = emptyTables();
    for (const channel of chips.flatMap(({ channels }) => channels)) addChannel(tables, channel);
    for (const { id, name, parent, type, limits, energy: now } of this.#rapl.zones) {
      const cells = [id, name, parent, name, ''] as const;
      const joules = now();
      if (joules !== undefined) tables.energy.add([...cells, type], { energy: joules });
      for (const { type: limitType, limit } of limits) tables.powerLimits.add([...cells, limitType], { limit, alarm: undefined });
    }
    for (const supply of this.#supplies.read()) addSupply(tables, supply);
    for (const { cells, unit, value, state } of ipmi) {
      if (unit === 'V') tables.voltage.add(cells, { voltage: value });
      else if (unit === 'A') tables.current.add(cells, { current: value });
      else if (unit === 'W') tables.power.add([...cells, 'power_supply'], { power: value });
      else continue;
      addStatus(tables, cells, unit === 'V' ? 'voltage' : 'power_supply', state);
    }
    return Object.values<AnyTable>({ ...tables }).filter(({ rows }) => rows > 0);
  }
}

const emptyTables = () => ({
  power: power.table(),
  energy: energy.table(),
  voltage: voltage.table(),
  current: current.table(),
  voltageLimits: voltageLimits.table(),
  currentLimits: currentLimits.table(),
  powerLimits: powerLimits.table(),
  status: status.table(),
  batteries: batteries.table(),
  timeLeft: timeLeft.table(),
  supplies: supplies.table(),
});
type Tables = ReturnType<typeof emptyTables>;

/** What a number of each kind makes of one unit. */
const DIVISORS = { in: 1000, curr: 1000, power: 1e6, energy: 1e6 } as const;

function addChannel(tables: Tables, channel: Channel): void {
  const kind = channel.kind as keyof typeof DIVISORS;
  const { cells, value } = channel;
  const divisor = DIVISORS[kind];
  const now = value?.value === undefined ? undefined : value.value / divisor;
  const limits = { in: tables.voltageLimits, curr: tables.currentLimits, power: tables.powerLimits, energy: undefined }[kind];
  if (now !== undefined) {
    if (kind === 'in') tables.voltage.add(cells, { voltage: now });
    else if (kind === 'curr') tables.current.add(cells, { current: now });
    else if (kind === 'power') tables.power.add([...cells, 'power_supply'], { power: now });
    else tables.energy.add([...cells, 'power_supply'], { energy: now });
  }
  for (const { type, limit, alarm } of limitsOf(channel, divisor)) limits?.add([...cells, type], { limit, alarm });
  const state = stateOf(channel);
  if (state) addStatus(tables, cells, kind === 'in' ? 'voltage' : 'power_supply', state);
}

function addStatus(tables: Tables, cells: Identity, type: string, is: State): void {
  for (const state of STATES) tables.status.add([...cells, type, state], { status: state === is ? 1 : 0 });
}

function addSupply(tables: Tables, supply: Supply): void {
  const { id, type, model, vendor, technology, state, left } = supply;
  const isBattery = type === 'Battery' || type === 'UPS';
  const cells = [id, model || type, '', id, ''] as const;
  if (!isBattery) tables.supplies.add([id, type], { online: supply.online });
  if (!supply.present) return;
  const hwType = isBattery ? 'battery' : 'power_supply';
  if (supply.power !== undefined) tables.power.add([...cells, hwType], { power: supply.power });
  if (supply.voltage !== undefined) tables.voltage.add(cells, { voltage: supply.voltage });
  if (supply.current !== undefined) tables.current.add(cells, { current: supply.current });
  if (!isBattery) return;
  const battery = [id, model, vendor, technology] as const;
  const { charge, health, energy: stored, energyFull, cycles, temperature } = supply;
  tables.batteries.add(battery, { charge, health, energy: stored, energy_full: energyFull, cycles, temperature });
  if (left !== undefined) tables.timeLeft.add([...battery, state], { time_left: left });
  for (const one of BATTERY_STATES) tables.status.add([...cells, 'battery', one], { status: one === state ? 1 : 0 });
}
