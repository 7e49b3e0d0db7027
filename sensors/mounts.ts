/**
 * What is mounted where, and an event for each mount, unmount and remount, from `<proc>/1/mountinfo`: proc_pid_mountinfo(5).
 *
 * The file is read at every sample and compared with what it was; it is parsed when it changed. What is mounted and unmounted between
 * two samples is not seen: poll(2) would tell of it, and Node.js has none. The sensor `filesystem` has the sizes.
 */
import * as z from 'zod';
import { Unavailable } from '../src/errors.ts';
import { type AnyTable, defineSchema, gauge } from '../src/event.ts';
import type { Host, HotFile } from '../src/host.ts';
import { globs } from '../src/options.ts';
import { defineSensor, type Sampler, type SensorContext } from '../src/sensor.ts';
import { type Mount, parseMounts } from '../src/statfs/mounts.ts';
import type { Text } from '../src/text.ts';

/** More events than this of one sample are counted in a warning instead: a host that starts a hundred containers. */
const EVENTS_MAX = 200;
/** Options longer than this are cut, in characters: an overlay names every layer in them. */
const OPTIONS_MAX = 512;

const IDENTITY = ['system.device', 'system.filesystem.mountpoint', 'system.filesystem.type', 'system.filesystem.mode'] as const;

const mounts = defineSchema({
  type: 'system.mount',
  doc: 'Each mount, those that others cover included. `mount.root` is the folder of the filesystem that is mounted: not `/` for a bind mount.',
  attributes: [...IDENTITY, 'mount.root'],
  fields: { info: gauge('1', 'How many mounts have these attributes: 1, or more where one is mounted over its like.') },
});

const EVENT = { info: gauge('1', 'Always 1.') };

const mounted = defineSchema({
  type: 'system.mount.mounted',
  doc: 'Something was mounted since the sample before. One row; what is mounted at the start is no event.',
  attributes: [...IDENTITY, 'mount.root', 'mount.options'],
  fields: EVENT,
});

const unmounted = defineSchema({
  type: 'system.mount.unmounted',
  doc: 'Something was unmounted since the sample before. One row. A mount that is moved is unmounted and mounted.',
  attributes: [...IDENTITY, 'mount.root', 'mount.options'],
  fields: EVENT,
});

const remounted = defineSchema({
  type: 'system.mount.remounted',
  doc: 'A mount has other options than at the sample before: a disk with errors that the kernel made read-only, say. One row.',
  attributes: [...IDENTITY, 'mount.root', 'mount.options', 'mount.options.before'],
  fields: EVENT,
});

const options = z.strictObject({
  include: globs().optional().describe('Mount points to report, as patterns (default all that are not excluded).'),
  exclude: globs()
    .prefault([])
    .describe('Mount points to leave out, as patterns.')
    .meta({ examples: [['/var/lib/docker/*']] }),
  exclude_types: globs()
    .prefault(['nsfs'])
    .describe('Types of filesystems to leave out, as patterns. `nsfs` is one mount for each network of a container.'),
});

export default defineSensor({
  name: 'mounts',
  summary: 'What is mounted where, and an event for each mount, unmount and remount, from /proc/1/mountinfo.',
  emits: [mounts, mounted, unmounted, remounted],
  options,
  open(host, given, context) {
    if (host.platform !== 'linux') throw new Unavailable(`mounts are read from Linux' /proc; this is ${host.platform}`);
    return new Mounts(openTable(host), given, context);
  },
});

/** The table of process 1 is the machine's; with hidepid, or in some containers, our own is all that can be read. */
function openTable(host: Host): HotFile {
  const files = ['1/mountinfo', 'self/mountinfo'].map((path) => host.proc(path));
  const file = files.find((one) => (one.maybe()?.length ?? 0) > 0);
  for (const other of files) if (other !== file) other.close();
  if (!file)
    throw new Unavailable(`mounts cannot be read, because neither ${files.map(({ path }) => path).join(' nor ')} can be`);
  return file;
}

type Cells = readonly [string, string, string, string, string];

interface Known {
  readonly cells: Cells;
  readonly options: string;
}

class Mounts implements Sampler {
  readonly #file: HotFile;
  readonly #given: z.output<typeof options>;
  readonly #context: SensorContext;
  #seen: Buffer | undefined;
  #known: ReadonlyMap<string, Known> = new Map();
  /** Rows of the table, and how many mounts each stands for. */
  #rows: readonly (readonly [Cells, number])[] = [];

  constructor(file: HotFile, given: z.output<typeof options>, context: SensorContext) {
    this.#file = file;
    this.#given = given;
    this.#context = context;
  }

  sample(): AnyTable[] {
    const text = this.#file.read();
    const events = this.#seen && isSame(text, this.#seen) ? [] : this.#update(text);
    const table = mounts.table();
    for (const [cells, count] of this.#rows) table.add(cells, { info: count });
    return table.rows > 0 ? [table, ...events] : events;
  }

  close(): void {
    this.#file.close();
  }

  /** Takes over a table that changed, and says what did. */
  #update(text: Text): AnyTable[] {
    const isFirst = this.#seen === undefined;
    const known = new Map<string, Known>();
    for (const mount of parseMounts(text)) {
      if (!this.#isChosen(mount)) continue;
      // The kernel gives the number of a mount that is gone to the next one.
      known.set(`${mount.id} ${mount.device} ${mount.point}`, { cells: cellsOf(mount), options: optionsOf(mount) });
    }
    const events = isFirst ? [] : changes(this.#known, known);
    if (events.length > EVENTS_MAX)
      this.#context.warn(`${events.length} mounts changed at once; ${EVENTS_MAX} of them are reported as events`);
    this.#seen = Buffer.from(text.buffer.subarray(0, text.length));
    this.#known = known;
    this.#rows = counted(known);
    return events.slice(0, EVENTS_MAX);
  }

  #isChosen({ point, type }: Mount): boolean {
    const { include, exclude, exclude_types: excludeTypes } = this.#given;
    return (include?.(point) ?? true) && !exclude(point) && !excludeTypes(type);
  }
}

const isSame = (text: Text, bytes: Buffer): boolean => text.buffer.compare(bytes, 0, bytes.length, 0, text.length) === 0;

const cellsOf = ({ source, point, type, readOnly, root }: Mount): Cells => [
  source,
  point,
  type,
  readOnly.whole || readOnly.here ? 'ro' : 'rw',
  root,
];

/** Options of the mount point and of the filesystem, each once. */
function optionsOf({ options: { here, whole } }: Mount): string {
  const all = [...new Set(`${here},${whole}`.split(','))].filter((one) => one !== '').join(',');
  return all.length > OPTIONS_MAX ? `${all.slice(0, OPTIONS_MAX)}…` : all;
}

function counted(known: ReadonlyMap<string, Known>): (readonly [Cells, number])[] {
  const rows = Map.groupBy(known.values(), ({ cells }) => cells.join('\0'));
  return [...rows.values()].map((same) => [(same[0] as Known).cells, same.length]);
}

function changes(before: ReadonlyMap<string, Known>, now: ReadonlyMap<string, Known>): AnyTable[] {
  const events: AnyTable[] = [];
  for (const [key, { cells, options: had }] of before)
    if (!now.has(key)) events.push(unmounted.table().add([...cells, had], { info: 1 }));
  for (const [key, { cells, options: has }] of now) {
    const was = before.get(key);
    if (!was) events.push(mounted.table().add([...cells, has], { info: 1 }));
    else if (was.options !== has) events.push(remounted.table().add([...cells, has, was.options], { info: 1 }));
  }
  return events;
}
