/** Made-up cgroup trees, and what the sensor said of them. */
import { join } from 'node:path';
import { type PlainRow, type PlainTable, rowsOf } from '../support.ts';

export const mount = (point: string, root = '/', type = 'cgroup2', options = 'rw') =>
  `36 25 0:32 ${root} ${point} rw,relatime - ${type} cgroup ${options}\n`;

/** A version 2 tree at the usual place, with us at its root. */
export const V2 = {
  'proc/self/cgroup': '0::/\n',
  'proc/self/mountinfo': mount('/sys/fs/cgroup'),
  'proc/uptime': '100.00 100.00\n',
};
export const TOP = 'sys/fs/cgroup';

/** Cgroups that are told apart by how many tasks they have. */
export const cgroups = (tasks: Record<string, number>): Record<string, string> =>
  Object.fromEntries(Object.entries(tasks).map(([path, count]) => [join(TOP, path, 'pids.current'), `${count}\n`]));

export const pids = (tables: readonly PlainTable[]): PlainRow =>
  Object.fromEntries(rowsOf(tables, 'cgroup.pids').map((row) => [row['cgroup.path'] as string, row['current'] as number]));

export const one = (tables: readonly PlainTable[], type: string): PlainRow => rowsOf(tables, type)[0] ?? {};
