/** One cgroup's folder, and what both versions of the interface say of it, in base units. */
import type { FileReader, Host, HotFile } from '../host.ts';
import { KeyedNumbers } from '../keyed.ts';
import { Row, type Text } from '../text.ts';
import type { Place } from './mounts.ts';

/** What does not change by itself, and is read when cgroups are looked for. Absent where there is no limit. */
export interface Limits {
  readonly cpu: number | undefined;
  readonly memory: number | undefined;
  readonly high: number | undefined;
  readonly swap: number | undefined;
  readonly pids: number | undefined;
}

export interface Cpu {
  readonly user: number | undefined;
  readonly system: number | undefined;
  readonly periods: number | undefined;
  readonly throttled_periods: number | undefined;
  readonly throttled_time: number | undefined;
}

export interface Memory {
  readonly usage: number | undefined;
  readonly peak: number | undefined;
  readonly working_set: number | undefined;
  readonly anon: number | undefined;
  readonly file: number | undefined;
  readonly kernel: number | undefined;
  readonly slab: number | undefined;
  readonly sock: number | undefined;
  readonly swap_usage: number | undefined;
}

export interface MemoryEvents {
  readonly low: number | undefined;
  readonly high: number | undefined;
  readonly max: number | undefined;
  readonly oom: number | undefined;
  readonly oom_kill: number | undefined;
}

/** Bytes and operations of one block device. */
export interface DeviceIo {
  read: number | undefined;
  write: number | undefined;
  reads: number | undefined;
  writes: number | undefined;
}

export interface Pids {
  readonly current: number | undefined;
  readonly limit_events: number | undefined;
}

/** A version of the interface. Each part is read from files of its own; a missing file makes what it holds absent. */
export interface Interface {
  limits(group: Group): Limits;
  cpu(group: Group): Cpu;
  memory(group: Group): Memory;
  events(group: Group): MemoryEvents;
  /** By device number, `8:0`. */
  devices(group: Group): Map<string, DeviceIo>;
  pids(group: Group): Pids;
}

/** A cgroup that was there when cgroups were last looked for. */
export class Group {
  readonly path: string;
  readonly folder: string;
  readonly #host: Host;
  readonly #reader: FileReader;
  /** Files that stay open from one sample to the next, by name; undefined where files are opened for each sample. */
  readonly #open: Map<string, HotFile> | undefined;
  /** Asking for a file that is not there costs more than reading one. */
  #files: ReadonlySet<string>;

  /** `stays`: its files are kept open, until `close`. A file whose cgroup was made anew is opened anew: the kernel says that it is gone. */
  constructor(host: Host, reader: FileReader, { path, folder }: Place, stays: boolean) {
    this.path = path;
    this.folder = folder;
    this.#host = host;
    this.#reader = reader;
    this.#open = stays ? new Map() : undefined;
    this.#files = new Set(host.list(folder));
  }

  /** Looks again which files there are. */
  refresh(): void {
    this.#files = new Set(this.#host.list(this.folder));
  }

  /** A file of the cgroup, until the next is read; undefined when this kernel or controller has none, or the cgroup is gone. */
  text(name: string): Text | undefined {
    if (!this.#files.has(name)) return undefined;
    if (this.#open === undefined) return this.#reader.maybe(`${this.folder}/${name}`);
    let file = this.#open.get(name);
    if (file === undefined) this.#open.set(name, (file = this.#host.hot(`${this.folder}/${name}`, 'at once')));
    return file.maybe();
  }

  close(): void {
    for (const file of this.#open?.values() ?? []) file.close();
    this.#open?.clear();
  }

  /** A file of one number; undefined also when it is empty or says `max`. */
  amount(name: string): number | undefined {
    const text = this.text(name);
    return text && amount(text);
  }
}

/** The first word as a number; undefined when there is none, or when it is `max`. */
function amount(text: Text): number | undefined {
  const row = new Row(text);
  return !row.next() || row.count === 0 || row.is(0, 'max') ? undefined : row.number(0);
}

/** A reading of files of one `key number` a line: the numbers by name, undefined where the file or a key is not there. */
export function numbers<K extends string>(
  keys: Readonly<Record<K, string>>,
): (text: Text | undefined) => Readonly<Record<K, number | undefined>> {
  const keyed = new KeyedNumbers(keys);
  const none = Object.fromEntries(Object.keys(keys).map((name) => [name, undefined])) as Record<K, undefined>;
  return (text) => (text === undefined ? none : keyed.read(text));
}

/** The quotient, when there is something to divide. */
export const divided = (amount: number | undefined, by: number): number | undefined =>
  amount === undefined ? undefined : amount / by;
