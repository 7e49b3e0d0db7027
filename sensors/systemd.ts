/**
 * Units of systemd and their states, from `systemctl list-units`, which runs at every sample in a process that can be killed: systemctl(1).
 * systemd tells them over D-Bus alone; there is no file to read.
 */
import * as z from 'zod';
import { Unavailable } from '../src/errors.ts';
import { type AnyTable, defineSchema, gauge, updowncounter } from '../src/event.ts';
import { duration, globs } from '../src/options.ts';
import { defineSensor, type Sampler, type SensorContext } from '../src/sensor.ts';
import { parseUnits, type Unit } from '../src/systemd/units.ts';
import { runTool } from '../src/tool/once.ts';

// No convention has these; node_exporter's systemd collector counts the same states.
const units = defineSchema({
  type: 'system.systemd.unit',
  doc: 'Each chosen unit, in the state that it is in: `systemd.unit.state` is active, inactive, failed, activating, deactivating, reloading or maintenance.',
  attributes: ['systemd.unit.name', 'systemd.unit.load', 'systemd.unit.state', 'systemd.unit.substate'],
  fields: { info: gauge('1', 'Always 1.') },
});

const counts = defineSchema({
  type: 'system.systemd.unit',
  doc: 'All units that are loaded, chosen or not, by type (service, socket, timer and so on) and state.',
  attributes: ['systemd.unit.type', 'systemd.unit.state'],
  fields: { count: updowncounter('{unit}', 'Units of this type in this state.') },
});

const changed = defineSchema({
  type: 'system.systemd.unit.changed',
  doc: 'A chosen unit is in another state than at the sample before; `none` is that it is not loaded. One row.',
  attributes: ['systemd.unit.name', 'systemd.unit.state.before', 'systemd.unit.state', 'systemd.unit.substate'],
  fields: { failed: gauge('1', '1 when it failed, else 0.') },
});

const options = z.strictObject({
  include: globs()
    .prefault(['*.service', '*.socket', '*.timer', '*.mount', '*.target'])
    .describe('Units to report one by one, as patterns.'),
  exclude: globs()
    .prefault(['session-*', 'user@*', 'user-*', 'run-*', 'systemd-*@*'])
    .describe('Units to leave out, as patterns: those that come and go with logins.'),
  command_timeout: duration({ min: 100 })
    .prefault('5s')
    .describe("How long systemctl may take, as a duration; no longer than the sensor's own timeout leaves."),
  systemctl: z.string().min(1).default('systemctl').describe('The tool: a name or a path.'),
});

type Given = z.output<typeof options>;
/** More events than this of one sample are counted in a warning instead. */
const EVENTS_MAX = 200;

export default defineSensor({
  name: 'systemd',
  summary: 'Units of systemd with their states, and an event when one changes, from systemctl.',
  emits: [units, counts, changed],
  options,
  // It starts a process at every sample.
  byDefault: false,
  async open(host, given, context) {
    if (host.platform !== 'linux') throw new Unavailable(`systemd is Linux'; this is ${host.platform}`);
    if (!host.live) throw new Unavailable('units are told by a running systemd, and this is a recorded machine');
    const systemd = new Systemd(given, context);
    try {
      await systemd.list(new AbortController().signal);
    } catch (error) {
      throw new Unavailable(`units cannot be listed: ${error instanceof Error ? error.message : String(error)}`);
    }
    return systemd;
  },
});

export class Systemd implements Sampler {
  readonly #given: Given;
  readonly #context: SensorContext;
  #before: ReadonlyMap<string, Unit> | undefined;

  constructor(given: Given, context: SensorContext) {
    this.#given = given;
    this.#context = context;
  }

  /** Throws what is wrong with the tool. */
  async list(signal: AbortSignal): Promise<Unit[]> {
    const { systemctl, command_timeout: limit } = this.#given;
    const command = [systemctl, 'list-units', '--all', '--plain', '--full', '--no-pager'] as const;
    const timeoutMs = Math.min(limit, this.#context.timeout * 0.8);
    const { code, output, errors } = await runTool(command, { timeoutMs, signal });
    if (code !== 0) throw new Error(`${systemctl} ended with ${code}: ${errors.trim().split('\n')[0] || 'it does not say why'}`);
    const found = parseUnits(output);
    if (!found) throw new Error(`${systemctl} list-units wrote no table of units: ${JSON.stringify(output.slice(0, 120))}`);
    return found;
  }

  async sample(signal: AbortSignal): Promise<AnyTable[]> {
    const all = await this.list(signal);
    const { include, exclude } = this.#given;
    const chosen = new Map(all.filter(({ name }) => include(name) && !exclude(name)).map((unit) => [unit.name, unit]));
    const table = units.table();
    for (const { name, load, active, sub } of chosen.values()) table.add([name, load, active, sub], { info: 1 });
    const events = this.#before ? changes(this.#before, chosen) : [];
    if (events.length > EVENTS_MAX)
      this.#context.warn(`${events.length} units changed at once; ${EVENTS_MAX} of them are reported as events`);
    this.#before = chosen;
    return [table, countsOf(all), ...events.slice(0, EVENTS_MAX)].filter(({ rows }) => rows > 0);
  }
}

function countsOf(all: readonly Unit[]): AnyTable {
  const table = counts.table();
  const groups = Map.groupBy(all, ({ name, active }) => `${name.slice(name.lastIndexOf('.') + 1)} ${active}`);
  for (const key of [...groups.keys()].toSorted()) {
    const [type = '', state = ''] = key.split(' ');
    table.add([type, state], { count: groups.get(key)?.length });
  }
  return table;
}

function changes(before: ReadonlyMap<string, Unit>, now: ReadonlyMap<string, Unit>): AnyTable[] {
  const events: AnyTable[] = [];
  const add = (name: string, was: string, is: string, sub: string): void => {
    if (was !== is) events.push(changed.table().add([name, was, is, sub], { failed: is === 'failed' ? 1 : 0 }));
  };
  for (const [name, unit] of before) if (!now.has(name)) add(name, unit.active, 'none', '');
  for (const [name, { active, sub }] of now) add(name, before.get(name)?.active ?? 'none', active, sub);
  return events;
}
