/**
 * Speeds of every fan that the kernel or the management controller knows: `<sys>/class/hwmon`, `ipmitool sdr`.
 * https://docs.kernel.org/hwmon/sysfs-interface.html
 */
import * as z from 'zod';
import { Unavailable } from '../src/errors.ts';
import { type AnyTable, defineSchema, gauge, updowncounter } from '../src/event.ts';
import { type Channel, IDENTITY, type Identity } from '../src/hwmon/chips.ts';
import { Hardware, type Sampled } from '../src/hwmon/hardware.ts';
import { limitsOf, STATES, type State, stateOf } from '../src/hwmon/limits.ts';
import { ipmiOptions } from '../src/ipmi/sdr.ts';
import { defineSensor } from '../src/sensor.ts';

/** The kernel writes how hard a fan is driven from 0 to 255. */
const PWM_MAX = 255;

const fans = defineSchema({
  type: 'hw.fan',
  doc: 'Each fan. `hw.id` is the path of the device and the channel, `hw.sensor_location` the label that the chip or board gives it.',
  attributes: IDENTITY,
  fields: {
    speed: gauge('rpm', 'Turns a minute. 0 is a fan that stands still, or none. Absent where only the share is known.'),
    speed_ratio: gauge('1', 'Share of the highest speed, where that is known.'),
  },
});

const limits = defineSchema({
  type: 'hw.fan.speed',
  doc: 'Limits of each fan: `low.degraded` (hwmon: min), `high.degraded` (max).',
  attributes: [...IDENTITY, 'hw.limit_type'],
  fields: {
    limit: gauge('rpm', 'The limit.'),
    alarm: gauge('1', '1 while the chip says that it is passed, 0 while not. Absent where it does not watch it.'),
  },
});

const status = defineSchema({
  type: 'hw',
  doc: 'What the chip says of each fan where it watches it: ok, degraded (a limit is passed), failed. The state that it is in is 1.',
  attributes: [...IDENTITY, 'hw.type', 'hw.state'],
  fields: { status: updowncounter('1', '1 for the state that it is in, 0 for the others.') },
});

// The conventions have no name for what a fan is told to do.
const driven = defineSchema({
  type: 'hw.fan',
  doc: 'How hard each output of a fan controller drives. Which fan hangs on it the chip does not know.',
  attributes: IDENTITY,
  fields: { duty_cycle: gauge('1', 'From 0 to 1.') },
});

export default defineSensor({
  name: 'fan',
  summary: 'Speeds of fans with their limits and alarms, and how hard they are driven: chips, management controller.',
  emits: [fans, limits, status, driven],
  options: z.strictObject(ipmiOptions),
  open(host, given, context) {
    if (host.platform !== 'linux') throw new Unavailable(`fans are read from Linux' /sys; this is ${host.platform}`);
    const hardware = new Hardware(host, ['fan', 'pwm'], given, context);
    if (hardware.isEmpty)
      throw new Unavailable(
        `there is no fan in ${host.sysPath('class/hwmon')}, because this is a virtual machine, or has none, or no driver is loaded for ` +
          'the chip of its board: sensors-detect finds it',
      );
    return { sample: (signal, time) => hardware.read(signal, time, tablesOf), close: () => hardware.close() };
  },
});

interface Tables {
  readonly fans: ReturnType<typeof fans.table>;
  readonly limits: ReturnType<typeof limits.table>;
  readonly status: ReturnType<typeof status.table>;
  readonly driven: ReturnType<typeof driven.table>;
}

function tablesOf({ chips, ipmi }: Sampled): AnyTable[] {
  const tables: Tables = { fans: fans.table(), limits: limits.table(), status: status.table(), driven: driven.table() };
  for (const channel of chips.flatMap(({ channels }) => channels)) addChannel(tables, channel);
  for (const { cells, name, unit, value, state } of ipmi) {
    if (unit === 'rpm') tables.fans.add(cells, { speed: value, speed_ratio: undefined });
    else if (unit === '1' && /fan/i.test(name)) tables.fans.add(cells, { speed: undefined, speed_ratio: value });
    else continue;
    addStatus(tables.status, cells, state);
  }
  return Object.values<AnyTable>({ ...tables }).filter(({ rows }) => rows > 0);
}

function addChannel(tables: Tables, channel: Channel): void {
  const { kind, cells, value, more } = channel;
  const now = value?.value;
  if (kind === 'pwm') {
    if (now !== undefined && now >= 0 && now <= PWM_MAX) tables.driven.add(cells, { duty_cycle: now / PWM_MAX });
    return;
  }
  const state = stateOf(channel);
  const most = more.get('max')?.value;
  // What a chip writes of a fan that it cannot count is a number of its own choice.
  if (now !== undefined && state !== 'failed')
    tables.fans.add(cells, { speed: now, speed_ratio: most !== undefined && most > 0 ? now / most : undefined });
  for (const { type, limit, alarm } of limitsOf(channel, 1)) tables.limits.add([...cells, type], { limit, alarm });
  if (state) addStatus(tables.status, cells, state);
}

function addStatus(table: Tables['status'], cells: Identity, is: State): void {
  for (const state of STATES) table.add([...cells, 'fan', state], { status: state === is ? 1 : 0 });
}
