/**
 * Where the control groups of a machine are seen from here, and which of them is our own.
 *
 * A hierarchy is a tree of cgroups: the one tree of version 2, or one tree for each set of version 1 controllers; a hybrid
 * machine has both kinds. A hierarchy may be mounted more than once (a container's own view, its host's below a prefix), each
 * mount showing the tree from a root of its own. The kernel writes that root, and the path of our own cgroup, relative to the
 * cgroup namespace that we are in: `/` is the namespace's root, `/../..` is two levels above it, by names we are not told.
 * proc_pid_cgroup(5), proc_pid_mountinfo(5), cgroup_namespaces(7).
 */
import { unescapeOctal } from '../escape.ts';
import type { Host } from '../host.ts';

/** Version 1 controllers that measure something. */
const CONTROLLERS = ['cpu', 'cpuacct', 'memory', 'blkio', 'pids'];

interface Mount {
  /** Where it is read from here. */
  readonly folder: string;
  /** What of the tree is at `folder`, as names below the root of our namespace; `..` leads above it. */
  readonly root: readonly string[];
}

export interface Hierarchy {
  readonly version: 1 | 2;
  /** The version 1 controllers of the tree that we read; empty for version 2. */
  readonly controllers: readonly string[];
  /** Folder of the topmost cgroup that is seen from here. */
  readonly top: string;
  readonly mounts: readonly Mount[];
}

/** A cgroup and its folder. */
export interface Place {
  /** Names below the root of the tree: `/system.slice/cron.service`, `/` for the root. */
  readonly path: string;
  readonly folder: string;
}

/** The mounted hierarchies that tell something. */
export function findHierarchies(host: Host): Hierarchy[] {
  const found = new Map<string, { version: 1 | 2; controllers: string[]; mounts: Mount[] }>();
  for (const { mountPoint, root, type, options } of lastMounts(host.read(host.procPath('self/mountinfo')) ?? '')) {
    const version = type === 'cgroup2' ? 2 : 1;
    const controllers = version === 2 ? [] : options.filter((option) => CONTROLLERS.includes(option)).sort();
    if (version === 1 && (type !== 'cgroup' || controllers.length === 0)) continue;
    const hierarchy = found.get(controllers.join()) ?? { version, controllers, mounts: [] };
    found.set(controllers.join(), hierarchy);
    hierarchy.mounts.push({ folder: seenFrom(host, mountPoint), root: names(root) });
  }
  const hierarchies: Hierarchy[] = [];
  for (const { version, controllers, mounts } of found.values()) {
    mounts.sort((a, b) => height(b) - height(a));
    const top = mounts.find((mount) => host.exists(mount.folder))?.folder;
    if (top !== undefined) hierarchies.push({ version, controllers, top, mounts });
  }
  return hierarchies;
}

/** The cgroup of this process in one hierarchy, or undefined when none of its mounts shows it. */
export function ownCgroup(host: Host, hierarchy: Hierarchy, memberships: ReadonlyMap<string, string>): Place | undefined {
  const path = memberships.get(hierarchy.controllers[0] ?? '');
  if (path === undefined) return undefined;
  for (const mount of hierarchy.mounts) {
    const below = relative(mount.root, names(path));
    if (below === undefined) continue;
    const folder = [mount.folder, ...below].join('/');
    if (host.exists(folder)) return { path, folder };
  }
  return undefined;
}

/** The paths of our own cgroup, by version 1 controller, and by `''` for version 2. */
export function ownPaths(host: Host): Map<string, string> {
  const paths = new Map<string, string>();
  for (const line of (host.read(host.procPath('self/cgroup')) ?? '').split('\n')) {
    // A path may hold colons; the two columns before it may not.
    const [, controllers, path] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    if (controllers === undefined || path === undefined) continue;
    for (const controller of controllers.split(',')) paths.set(controller, path);
  }
  return paths;
}

interface MountLine {
  readonly mountPoint: string;
  readonly root: string;
  readonly type: string;
  readonly options: readonly string[];
}

/** The lines of a mountinfo that are not hidden by a later mount at the same point. */
function lastMounts(mountinfo: string): MountLine[] {
  const last = new Map<string, MountLine>();
  for (const line of mountinfo.split('\n')) {
    const [before, after] = line.split(' - ', 2);
    const [, , , root, mountPoint] = (before as string).split(' ').map(unescapeOctal);
    const [type, , options] = (after ?? '').split(' ');
    if (root === undefined || mountPoint === undefined || type === undefined) continue;
    last.delete(mountPoint);
    last.set(mountPoint, { mountPoint, root, type, options: options?.split(',') ?? [] });
  }
  return [...last.values()];
}

const names = (path: string): string[] => path.split('/').filter((name) => name !== '');

/** The file that a mount point of our own mount namespace is, or was copied to. */
function seenFrom(host: Host, mountPoint: string): string {
  if (host.recording === undefined) return mountPoint;
  return mountPoint.startsWith('/sys/') ? host.sysPath(mountPoint.slice('/sys/'.length)) : host.mountPath(mountPoint);
}

/** How far up the root of a mount is: the furthest up shows most of the tree. */
function height({ root }: Mount): number {
  const above = root.filter((name) => name === '..').length;
  return above - (root.length - above);
}

/** The names that lead from one path down to another; undefined when they do not, or by names that are not known. */
function relative(from: readonly string[], to: readonly string[]): string[] | undefined {
  if (from.some((name, index) => to[index] !== name)) return undefined;
  const below = to.slice(from.length);
  return below.includes('..') ? undefined : below;
}
