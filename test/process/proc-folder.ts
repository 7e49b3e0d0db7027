/** A machine of processes for tests: a folder that is rewritten between samples, as the kernel would show it. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Host } from '../../src/host.ts';
import { hostAt, type PlainRow, type PlainTable, rowsOf, writeFiles } from '../support.ts';
import { temporaryFolder } from '../temporary.ts';

/** What `stat` says of a process; counters in ticks and faults. */
export interface StatFields {
  readonly name?: string;
  readonly state?: string;
  readonly parent?: number;
  readonly flags?: number;
  readonly minor?: number;
  readonly major?: number;
  readonly childrenMinor?: number;
  readonly childrenMajor?: number;
  readonly user?: number;
  readonly system?: number;
  readonly childrenUser?: number;
  readonly childrenSystem?: number;
  readonly threads?: number;
  readonly start?: number;
  readonly virtual?: number;
  readonly resident?: number;
}

/** What `io` says of a process. */
export interface IoFields {
  readonly read?: number;
  readonly written?: number;
  readonly reads?: number;
  readonly writes?: number;
}

export interface Shown extends StatFields {
  readonly io?: IoFields;
  readonly uid?: number;
  readonly cgroup?: string;
  readonly command?: string;
}

export const KERNEL_THREAD = 0x00200000;

export function statLine(pid: number, given: StatFields = {}): string {
  const { name = 'app', state = 'S', parent = 1, flags = 0, start = 100, threads = 1, virtual = 0, resident = 0 } = given;
  const { minor = 0, childrenMinor = 0, major = 0, childrenMajor = 0 } = given;
  const { user = 0, system = 0, childrenUser = 0, childrenSystem = 0 } = given;
  const faults = `${minor} ${childrenMinor} ${major} ${childrenMajor}`;
  const times = `${user} ${system} ${childrenUser} ${childrenSystem}`;
  return `${pid} (${name}) ${state} ${parent} 0 0 0 -1 ${flags} ${faults} ${times} 20 0 ${threads} 0 ${start} ${virtual} ${resident} 0\n`;
}

function ioText({ read = 0, written = 0, reads = 0, writes = 0 }: IoFields): string {
  const [head, tail] = [`rchar: 1\nwchar: 2\nsyscr: ${reads}\nsyscw: ${writes}\n`, 'cancelled_write_bytes: -1024\n'];
  return `${head}read_bytes: ${read}\nwrite_bytes: ${written}\n${tail}`;
}

export class ProcFolder {
  readonly folder = temporaryFolder();
  readonly host: Host;

  constructor() {
    this.files({ 'proc/uptime': '1000.00 1.00\n', 'proc/stat': 'btime 1700000000\n' });
    this.host = hostAt(this.folder);
  }

  /** Shows these processes as given, and those that are gone no more; the others stay as they are. */
  show(processes: Readonly<Record<number, Shown>>, gone: readonly number[] = []): void {
    for (const pid of gone) rmSync(join(this.folder, `proc/${pid}`), { recursive: true, force: true });
    for (const [pid, given] of Object.entries(processes)) {
      const { io, uid = 0, cgroup = '/', command = given.name ?? 'app' } = given;
      this.files({
        [`proc/${pid}/stat`]: statLine(Number(pid), given),
        [`proc/${pid}/status`]: `Name:\tx\nUid:\t9\t${uid}\t9\t9\n`,
        [`proc/${pid}/cgroup`]: `0::${cgroup}\n`,
        [`proc/${pid}/cmdline`]: command
          .split(' ')
          .map((word) => `${word}\0`)
          .join(''),
        ...(io ? { [`proc/${pid}/io`]: ioText(io) } : {}),
      });
    }
  }

  files(files: Record<string, string | Buffer>): void {
    writeFiles(this.folder, files);
  }
}

/** The rows of one metric type, by the cells of these attributes; only those that have all of them. */
export function by(tables: readonly PlainTable[], type: string, ...attributes: readonly string[]): Record<string, PlainRow> {
  const rows = rowsOf(tables, type).filter((row) => attributes.every((name) => row[name] !== undefined));
  return Object.fromEntries(rows.map((row) => [attributes.map((name) => row[name]).join(' '), row]));
}
