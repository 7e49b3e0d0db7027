/** One cgroup's folder, and what both versions of the interface say of it, in base units. */
import type { FileReader, Host } from '../host.ts';
import { keyBytes, Row, type Text } from '../text.ts';
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
  readonly #folder: string;
  readonly #reader: FileReader;
  /** Asking for a file that is not there costs more than reading one. */
  readonly #files: ReadonlySet<string>;

  constructor(host: Host, reader: FileReader, { path, folder }: Place) {
    this.path = path;
    this.#folder = folder;
    this.#reader = reader;
    this.#files = new Set(host.list(folder));
  }

  /** A file of the cgroup, until the next is read; undefined when this kernel or controller has none, or the cgroup is gone. */
  text(name: string): Text | undefined {
    return this.#files.has(name) ? this.#reader.maybe(`${this.#folder}/${name}`) : undefined;
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

/** A search for the number behind a key, in files of one `key number` a line. */
export function after(key: string): (text: Text | undefined) => number | undefined {
  const bytes = keyBytes(`${key} `);
  return (text) => text?.numberAfter(bytes);
}

/** The quotient, when there is something to divide. */
export const divided = (amount: number | undefined, by: number): number | undefined =>
  amount === undefined ? undefined : amount / by;
