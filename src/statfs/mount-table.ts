/**
 * The mounts of the host that can be reached from here, and the path under which each is asked for its size.
 *
 * The table of process 1 is the host's. A service that systemd confines has a table of its own, in which much is read-only for that
 * service alone; so the table of process 1 is taken, as far as it leads to the same filesystems as our own. Where process 1 has
 * another root than we have, as it has for a container, our own table is taken. Where the host is seen below a prefix and the
 * table is a container's, the host's mounts are those below the prefix.
 */
import { Unavailable } from '../errors.ts';
import type { Host, HotFile } from '../host.ts';
import type { Text } from '../text.ts';
import { type Mount, parseMounts, pathsAbove, visibleMounts } from './mounts.ts';

/**
 * Types that the kernel answers for out of its own memory. Every other type may ask a server or a process, which may never
 * answer: nfs, cifs, fuse, 9p, and any that is not known here.
 */
const LOCAL = new Set(
  [
    'bcachefs btrfs erofs exfat ext2 ext3 ext4 f2fs hfs hfsplus iso9660 jffs2 jfs minix msdos nilfs2 ntfs3 overlay ramfs',
    'reiserfs rootfs squashfs tmpfs ubifs udf vfat xfs zfs',
    'binfmt_misc bpf cgroup cgroup2 configfs debugfs devpts devtmpfs efivarfs fusectl hugetlbfs mqueue nsfs proc pstore',
    'rpc_pipefs securityfs selinuxfs sysfs tracefs',
  ].flatMap((types) => types.split(' ')),
);

/** A mount of the host. */
export interface Place extends Mount {
  /** Where it is reached from here; `point` is the same as the host sees it. */
  readonly path: string;
  /** Whether asking for its size cannot hang: neither it nor a mount on the way to it is of a type that asks others. */
  readonly local: boolean;
  readonly mode: 'ro' | 'rw';
}

export class MountTable {
  readonly #host: Host;
  readonly #prefix: string;
  readonly #file: HotFile;
  /** Our own table, where what is mounted according to process 1 must be seen by us too. */
  readonly #own: HotFile | undefined;
  #seen: Buffer | undefined;
  #places: readonly Place[] = [];

  /** Throws `Unavailable` without a table. */
  constructor(host: Host) {
    this.#host = host;
    this.#prefix = host.root.replace(/\/+$/, '');
    const [first, own] = [host.proc('1/mountinfo'), host.proc('self/mountinfo')];
    const [firstRoot, ownRoot] = [rootOf(first), rootOf(own)];
    if (firstRoot === undefined && ownRoot === undefined)
      throw new Unavailable(`mounts cannot be read, because neither ${first.path} nor ${own.path} is there`);
    const another = this.#prefix === '' && ownRoot !== undefined && ownRoot !== firstRoot;
    if (firstRoot === undefined || another) {
      first.close();
      this.#file = own;
    } else {
      this.#file = first;
      if (ownRoot !== undefined && this.#prefix === '') this.#own = own;
      else own.close();
    }
  }

  /** The visible mounts, parsed anew when the table changed; the same array while it did not. Throws `Malformed`. */
  read(): readonly Place[] {
    const text = this.#file.read();
    if (this.#seen && isSame(text, this.#seen)) return this.#places;
    const bytes = Buffer.from(text.buffer.subarray(0, text.length));
    this.#places = this.#placesOf(parseMounts(text));
    this.#seen = bytes;
    return this.#places;
  }

  close(): void {
    this.#file.close();
    this.#own?.close();
  }

  #placesOf(mounts: readonly Mount[]): Place[] {
    const visible = visibleMounts(mounts);
    const ownText = this.#own?.maybe();
    const own = ownText && visibleMounts(parseMounts(ownText));
    const inside = this.#prefix !== '' && visible.has(this.#prefix);
    const asking = new Set(mounts.filter(({ type }) => !LOCAL.has(type)).map(({ point }) => point));
    const places: Place[] = [];
    for (const mount of mounts) {
      if (visible.get(mount.point) !== mount) continue;
      const point = inside ? below(this.#prefix, mount.point) : mount.point;
      if (point === undefined) continue;
      if (own && own.get(point)?.device !== mount.device) continue;
      const local = ![mount.point, ...pathsAbove(mount.point)].some((path) => asking.has(path));
      // What a container sees of its host may be read-only for the container alone.
      const readOnly = mount.readOnly.whole || (mount.readOnly.here && !inside);
      places.push({ ...mount, point, local, mode: readOnly ? 'ro' : 'rw', path: this.#host.mountPath(point) });
    }
    return places;
  }
}

/** Major and minor number of the filesystem at `/`, `''` when the table has none, undefined when there is no table. */
function rootOf(file: HotFile): string | undefined {
  const text = file.maybe();
  if (!text || text.length === 0) return undefined;
  return visibleMounts(parseMounts(text)).get('/')?.device ?? '';
}

const isSame = (text: Text, bytes: Buffer): boolean => text.buffer.compare(bytes, 0, bytes.length, 0, text.length) === 0;

/** A path as it is below a prefix; undefined when it is not. */
function below(prefix: string, path: string): string | undefined {
  if (path === prefix) return '/';
  return path.startsWith(`${prefix}/`) ? path.slice(prefix.length) : undefined;
}
