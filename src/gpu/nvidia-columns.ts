/**
 * The columns of `nvidia-smi --query-gpu`: what is asked for, and what becomes of each.
 *
 * Drivers add, rename and retire columns, and one name that a driver does not know makes the whole query fail. So only what
 * `--help-query-gpu` lists is asked for, and an answer is read by its header, in which a column may have another of its names.
 */
import { cellNumber } from './cell.ts';
import { type NumberName, Reading } from './reading.ts';

type Put = (reading: Reading, value: number) => void;

const number =
  (name: NumberName): Put =>
  (reading, value) =>
    void (reading.numbers[name] = value);
const task =
  (name: string): Put =>
  (reading, value) =>
    void reading.tasks.set(name, value);
const temperature =
  (where: string): Put =>
  (reading, value) =>
    void reading.temperatures.set(where, value);
const clock =
  (name: string, which: 'now' | 'max'): Put =>
  (reading, value) => {
    const entry = reading.clocks.get(name) ?? {};
    entry[which] = value;
    reading.clocks.set(name, entry);
  };
const throttle =
  (name: string, which: 'active' | 'time'): Put =>
  (reading, value) => {
    const entry = reading.throttles.get(name) ?? {};
    entry[which] = value;
    reading.throttles.set(name, entry);
  };
const each = (prefix: string, names: readonly string[], put: (name: string) => Put): [string, Put][] =>
  names.map((name) => [`${prefix}${name}`, put(name)]);

const REASONS = [
  'gpu_idle',
  'applications_clocks_setting',
  'sw_power_cap',
  'hw_slowdown',
  'hw_thermal_slowdown',
  'hw_power_brake_slowdown',
  'sw_thermal_slowdown',
  'sync_boost',
];
const ECC = ['corrected', 'uncorrected'].flatMap((kind) =>
  ['volatile', 'aggregate'].flatMap((span) =>
    ['dram', 'sram', 'device_memory', 'register_file', 'l1_cache', 'l2_cache', 'texture_memory', 'total'].map(
      (place) => `${kind}.${span}.${place}`,
    ),
  ),
);

/** Identity: asked for always, for every driver has them. */
const IDENTITY = ['uuid', 'name'] as const;

/** Every column that is asked for where the driver has it, by its newest name. */
const COLUMNS: ReadonlyMap<string, Put> = new Map<string, Put>([
  ['pstate', number('performance_state')],
  ['fan.speed', (reading, ratio) => void reading.fans.set('gpu', { ratio })],
  ['utilization.gpu', task('general')],
  ['utilization.memory', number('memory.activity')],
  ...each('utilization.', ['encoder', 'decoder', 'jpeg', 'ofa'], task),
  ['memory.total', number('memory.limit')],
  ['memory.used', number('memory.usage')],
  ['memory.reserved', number('memory.reserved')],
  ['temperature.gpu', temperature('gpu')],
  ['temperature.memory', temperature('memory')],
  ['power.draw', (reading, value) => void (reading.power = value)],
  ['enforced.power.limit', number('power.limit')],
  ['power.default_limit', number('power.limit.default')],
  ['power.min_limit', number('power.limit.min')],
  ['power.max_limit', number('power.limit.max')],
  ...each('clocks.current.', ['graphics', 'sm', 'memory', 'video'], (name) => clock(name, 'now')),
  ...each('clocks.max.', ['graphics', 'sm', 'memory'], (name) => clock(name, 'max')),
  ...each('clocks_event_reasons.', REASONS, (name) => throttle(name, 'active')),
  ...each('clocks_event_reasons_counters.', REASONS, (name) => throttle(name, 'time')),
  ...each('ecc.errors.', ECC, (name) => (reading, value) => void reading.errors.set(`ecc.${name}`, value)),
  ['ecc.mode.current', number('ecc')],
  ['mig.mode.current', number('mig')],
  ['retired_pages.single_bit_ecc.count', number('retired_pages.single_bit')],
  ['retired_pages.double_bit.count', number('retired_pages.double_bit')],
  ['retired_pages.pending', number('retired_pages.pending')],
  ...each('remapped_rows.', ['correctable', 'uncorrectable', 'pending', 'failure'], (name) =>
    number(`remapped_rows.${name}` as NumberName),
  ),
  ['pcie.link.gen.current', number('pcie.generation')],
  ['pcie.link.gen.max', number('pcie.generation.max')],
  ['pcie.link.width.current', number('pcie.width')],
  ['pcie.link.width.max', number('pcie.width.max')],
  ['encoder.stats.sessionCount', number('encoder.sessions')],
  ['encoder.stats.averageFps', number('encoder.frame_rate')],
  ['encoder.stats.averageLatency', (reading, us) => void (reading.numbers['encoder.latency'] = us / 1e6)],
]);

/** Names that a driver may use for another of its names; `--help-query-gpu` tells more. */
const ALIASES: readonly (readonly [string, string])[] = [
  ...(['graphics', 'sm', 'memory', 'video'] as const).map(
    (name, i) => [`clocks.current.${name}`, `clocks.${['gr', 'sm', 'mem', 'video'][i]}`] as const,
  ),
  ...REASONS.map((name) => [`clocks_event_reasons.${name}`, `clocks_throttle_reasons.${name}`] as const),
  ['name', 'gpu_name'],
  ['uuid', 'gpu_uuid'],
];

/** The names of each column, as `--help-query-gpu` writes them: `"name" or "gpu_name"`, alone on a line. */
export function parseHelp(help: string): string[][] {
  const lines = help.split(/\r?\n/).filter((line) => /^"[\w.]+"( or "[\w.]+")*\s*$/.test(line));
  return lines.map((line) => [...line.matchAll(/"([\w.]+)"/g)].map(([, name]) => name as string));
}

/** Which columns to ask for, and how a header's names translate. Without a help, what any driver since 2014 has. */
export class Columns {
  readonly asked: readonly string[];
  readonly #names: ReadonlyMap<string, string>;

  constructor(help: readonly (readonly string[])[]) {
    const groups = help.length > 0 ? help : OLDEST.map((name) => [name]);
    const names = new Map<string, string>();
    for (const [name, alias] of ALIASES) names.set(alias, name);
    const asked = new Set<string>(IDENTITY);
    for (const group of groups) {
      const ours = group.flatMap((name) => [name, names.get(name) ?? name]).find((name) => COLUMNS.has(name) || isIdentity(name));
      if (ours === undefined) continue;
      for (const name of group) names.set(name, ours);
      // By a name that this driver lists; an old one knows no newer name.
      if (!isIdentity(ours)) asked.add(group.includes(ours) ? ours : (group[0] as string));
    }
    this.asked = [...asked];
    this.#names = names;
  }

  /** How to read rows below a header. Throws when it is no header of this query. */
  plan(header: string): Plan {
    const cells = header.split(', ').map((cell) => {
      const [, name = cell, unit = ''] = /^(\S+)(?: \[(.+)\])?$/.exec(cell.trim()) ?? [];
      return { name: this.#names.get(name) ?? name, unit };
    });
    const at = (name: string): number => cells.findIndex((cell) => cell.name === name);
    const uuid = at('uuid');
    if (uuid < 0) throw new Error(`wrote no header with a column "uuid", but ${JSON.stringify(header.slice(0, 160))}`);
    const puts = cells.flatMap(({ name, unit }, index) => {
      const put = COLUMNS.get(name);
      return put ? [{ index, unit, put }] : [];
    });
    return { columns: cells.length, uuid, name: at('name'), puts };
  }
}

const OLDEST = ['fan.speed', 'utilization.gpu', 'memory.total', 'memory.used', 'temperature.gpu', 'power.draw', 'pstate'];
const isIdentity = (name: string): boolean => (IDENTITY as readonly string[]).includes(name);

export interface Plan {
  readonly columns: number;
  readonly uuid: number;
  readonly name: number;
  readonly puts: readonly { readonly index: number; readonly unit: string; readonly put: Put }[];
}

/** The cells of a row as a reading. */
export function readRow(plan: Plan, cells: readonly string[]): Reading {
  const reading = new Reading('NVIDIA', cells[plan.uuid] as string, cells[plan.name] ?? '');
  for (const { index, unit, put } of plan.puts) {
    const value = cellNumber(cells[index], unit);
    if (value !== undefined) put(reading, value);
  }
  return reading;
}
