/**
 * One instance of the sensor `files`: what is known of the files, what has happened to them since the last sample, and the logs it follows.
 *
 * What is kept from one run to the next is how far logs were read: of a sample's lines when the next sample begins, for by then they are
 * published. A service that is killed in between reads those lines again, and loses none.
 */
import type { Clock } from '../clock.ts';
import { Complaints } from '../complaints.ts';
import { describe } from '../errors.ts';
import type { Host } from '../host.ts';
import { Mapping } from '../json/mapping.ts';
import { compilePath } from '../json/path.ts';
import type { SensorContext } from '../sensor.ts';
import { checksumOf } from './checksum.ts';
import { CHANGE_KINDS, type Change, type ChangeKind } from './entry.ts';
import type { FilesOptions, TailOptions } from './options.ts';
import { Selection } from './selection.ts';
import { type Position, Tail, type TailCounts } from './tail.ts';
import { Tree } from './tree.ts';

/** Files of one of the given paths. Ages are those of the last modification, as Unix time in seconds. */
export interface Totals {
  readonly watch: string;
  count: number;
  size: number;
  oldest: number | undefined;
  newest: number | undefined;
}

export interface ToldChange extends Change {
  readonly checksum: string;
}

export interface TailResult {
  readonly name: string;
  readonly path: string;
  readonly counts: Readonly<TailCounts>;
  readonly lag: number | undefined;
  readonly up: boolean;
  readonly filled: ReturnType<Mapping['fill']>;
}

export interface FilesResult {
  readonly totals: readonly Totals[];
  readonly changes: readonly ToldChange[];
  /** By given path and kind, since the sensor was opened. */
  readonly counts: ReadonlyMap<string, ReadonlyMap<ChangeKind, number>>;
  readonly watch: { folders: number; watches: number; omitted: number; untold: number };
  readonly tails: readonly TailResult[];
}

interface Followed {
  readonly name: string;
  readonly given: TailOptions;
  readonly tail: Tail;
  readonly mapping: Mapping;
}

/** The mapping of a log, with a row for each line unless it says otherwise. */
export function mappingOf({ tables, max_rows }: TailOptions): Mapping {
  const each = compilePath('');
  const rowed = Object.entries(tables).map(([name, table]) => [name, { ...table, rows: table.rows ?? each }] as const);
  return new Mapping(Object.fromEntries(rowed), max_rows);
}

export class FilesSampler {
  readonly #given: FilesOptions;
  readonly #paths: readonly string[];
  readonly #context: SensorContext;
  readonly #clock: Clock;
  readonly #complaints: Complaints;
  readonly #prefix: string;
  readonly #tree: Tree | undefined;
  readonly #tails: readonly Followed[];
  readonly #counts: Map<string, Map<ChangeKind, number>>;
  #changes: ToldChange[] = [];
  #untold = 0;
  #totals: { version: number; totals: Totals[] } | undefined;
  #scanned: number;
  /** How far logs were read at the end of the sample before. */
  #read: Record<string, Position> | undefined;

  constructor(host: Host, given: FilesOptions, context: SensorContext, clock: Clock) {
    this.#given = given;
    this.#paths = given.paths ?? [];
    this.#context = context;
    this.#clock = clock;
    this.#complaints = new Complaints(context);
    this.#prefix = host.root === '/' ? '' : host.root.replace(/\/$/, '');
    this.#counts = new Map(this.#paths.map((path) => [path, new Map(CHANGE_KINDS.map((kind) => [kind, 0]))]));
    if (this.#paths.length > 0)
      this.#tree = new Tree({
        selection: new Selection(this.#paths, given),
        limits: given,
        prefix: this.#prefix,
        clock,
        onChanges: (changes) => this.#note(changes),
      });
    const kept = positionsOf(context.state.load());
    this.#tails = Object.entries(given.tail).map(([name, one]) => ({
      name,
      given: one,
      tail: new Tail(`${this.#prefix}${one.path}`, one, kept.get(`${name}:${one.path}`)),
      mapping: mappingOf(one),
    }));
    this.#scanned = clock.monotonic();
  }

  async open(): Promise<void> {
    await this.#tree?.open();
  }

  /**
   * Directly while there is nothing to wait for: what is published within the round goes to the sinks with the rest of it, and a write of its
   * own would be most of what idle files cost.
   */
  sample(time: number): FilesResult | Promise<FilesResult> {
    if (this.#read) void this.#context.state.save({ tails: this.#read });
    const all = this.#clock.monotonic() - this.#scanned >= this.#given.rescan;
    if (all) this.#scanned = this.#clock.monotonic();
    const settled = this.#tree?.settle(all);
    return settled || this.#tails.length > 0 ? this.#wait(settled, time) : this.#result([]);
  }

  async #wait(settled: Promise<void> | undefined, time: number): Promise<FilesResult> {
    await settled;
    const tails: TailResult[] = [];
    for (const one of this.#tails) tails.push(await this.#follow(one, time / 1000));
    if (tails.length > 0) this.#read = this.#positions();
    return this.#result(tails);
  }

  #result(tails: readonly TailResult[]): FilesResult {
    const tree = this.#tree;
    if (tree) {
      const { omitted } = tree;
      this.#complaints.tell('watching', tree.unwatched);
      this.#complaints.tell(
        'files',
        omitted > 0 ? `there are more than max_files, ${this.#given.max_files}: ${omitted} are not seen` : undefined,
      );
    }
    const changes = this.#changes;
    this.#changes = [];
    return {
      totals: tree ? this.#total(tree) : [],
      changes,
      counts: this.#counts,
      watch: {
        folders: tree?.folders ?? 0,
        watches: tree?.watches ?? 0,
        omitted: tree?.omitted ?? 0,
        untold: this.#untold,
      },
      tails,
    };
  }

  async close(): Promise<void> {
    await this.#tree?.close();
    if (this.#read) await this.#context.state.save({ tails: this.#read });
    await Promise.all(this.#tails.map(async ({ tail }) => await tail.close()));
  }

  async #note(changes: readonly Change[]): Promise<void> {
    const { events, max_events: most, checksum, checksum_max: largest } = this.#given;
    for (const change of changes) {
      const { kind, entry } = change;
      const counts = this.#counts.get(entry.watch);
      counts?.set(kind, (counts.get(kind) ?? 0) + 1);
      if (!events) continue;
      if (this.#changes.length >= most) {
        this.#untold++;
        continue;
      }
      const has = checksum !== 'none' && (kind === 'created' || kind === 'modified') && entry.size <= largest;
      const sum = has ? await checksumOf(`${this.#prefix}${entry.path}`, checksum, largest) : undefined;
      this.#changes.push({ ...change, checksum: sum === undefined ? '' : `${checksum}:${sum}` });
    }
  }

  async #follow({ name, given, tail, mapping }: Followed, now: number): Promise<TailResult> {
    const { path, pattern } = given;
    let lines: string[] = [];
    let why: string | undefined;
    try {
      lines = await tail.read();
    } catch (error) {
      why = describe(error);
    }
    this.#complaints.tell(`tail ${name}`, why);
    const records = lines.flatMap((line) => {
      if (!pattern) return [{ line }];
      const found = pattern.exec(line);
      return found ? [{ line, ...found.groups }] : [];
    });
    tail.counts.matched += records.length;
    const filled = records.length > 0 ? mapping.fill(records, now) : [];
    for (const { name: table, problem } of filled) this.#complaints.tell(`tail ${name}, table ${table}`, problem);
    return { name, path, counts: { ...tail.counts }, lag: tail.lag, up: why === undefined && tail.isOpen, filled };
  }

  #positions(): Record<string, Position> {
    const known = this.#tails.flatMap(({ name, given, tail }) =>
      tail.position ? [[`${name}:${given.path}`, tail.position] as const] : [],
    );
    return Object.fromEntries(known);
  }

  /** Added up anew when something has changed. */
  #total(tree: Tree): Totals[] {
    if (this.#totals?.version === tree.version) return this.#totals.totals;
    const byWatch = new Map<string, Totals>(
      this.#paths.map((watch) => [watch, { watch, count: 0, size: 0, oldest: undefined, newest: undefined }]),
    );
    for (const { watch, size, modified } of tree.entries.values()) {
      const totals = byWatch.get(watch) as Totals;
      totals.count++;
      totals.size += size;
      totals.oldest = totals.oldest === undefined ? modified : Math.min(totals.oldest, modified);
      totals.newest = totals.newest === undefined ? modified : Math.max(totals.newest, modified);
    }
    const totals = [...byWatch.values()];
    this.#totals = { version: tree.version, totals };
    return totals;
  }
}

/** What of a kept value is right; the rest is forgotten. */
function positionsOf(value: unknown): Map<string, Position> {
  const tails = typeof value === 'object' && value !== null ? (value as { tails?: unknown }).tails : undefined;
  const right = (one: unknown): one is Position => {
    const { id, offset, head, headBytes } = (one ?? {}) as Partial<Record<keyof Position, unknown>>;
    const isCount = (count: unknown): boolean => Number.isSafeInteger(count) && (count as number) >= 0;
    return (
      typeof id === 'string' && isCount(offset) && typeof head === 'string' && isCount(headBytes) && (headBytes as number) <= 256
    );
  };
  return new Map(Object.entries(tails ?? {}).flatMap(([name, one]) => (right(one) ? [[name, one] as const] : [])));
}
