/**
 * Space and inodes of mounted filesystems, from `<proc>/1/mountinfo` and statfs(2).
 *
 * A filesystem that may wait for a server or for a process is asked in a helper process: one that does not answer is hung, and
 * costs the others nothing. The conventions have no names for inodes, `hung` and `failed`.
 */
import * as z from 'zod';
import { Unavailable } from '../src/errors.ts';
import { type AnyTable, defineSchema, gauge, updowncounter } from '../src/event.ts';
import type { FilesystemSize, Host } from '../src/host.ts';
import { duration, globs } from '../src/options.ts';
import { defineSensor, type Sampler } from '../src/sensor.ts';
import { choosePlaces } from '../src/statfs/choose.ts';
import { MountTable, type Place } from '../src/statfs/mount-table.ts';
import { type RemoteAnswer, RemoteSizes } from '../src/statfs/remote.ts';
import { askLocal } from '../src/statfs/size.ts';

const IDENTITY = ['system.device', 'system.filesystem.mountpoint', 'system.filesystem.type', 'system.filesystem.mode'] as const;

const space = defineSchema({
  type: 'system.filesystem',
  doc: 'Space of each filesystem by state: used; free for everyone; reserved, which is free for root alone. The sum is its size.',
  attributes: [...IDENTITY, 'system.filesystem.state'],
  fields: { usage: updowncounter('By', 'Space in this state.') },
});

const filesystem = defineSchema({
  type: 'system.filesystem',
  doc: 'Each filesystem as a whole. Size and utilization are absent while it is hung or failed.',
  attributes: IDENTITY,
  fields: {
    limit: updowncounter('By', 'Size.'),
    utilization: gauge('1', 'Share of the size that is used. df counts without what is reserved, and shows more.'),
    hung: gauge('1', '1 while it does not answer, and is left alone but for one question every `retry_hung`; 0 otherwise.'),
    failed: gauge('1', '1 when it answers with an error instead of its size: a server that lost it, a dead device; 0 otherwise.'),
  },
});

const inodesByState = defineSchema({
  type: 'system.filesystem.inodes',
  doc: 'Inodes of each filesystem that has a limited number of them, by state: used, free.',
  attributes: [...IDENTITY, 'system.filesystem.state'],
  fields: { usage: updowncounter('{inode}', 'Inodes in this state.') },
});

const inodes = defineSchema({
  type: 'system.filesystem.inodes',
  doc: 'Inodes of each filesystem that has a limited number of them.',
  attributes: IDENTITY,
  fields: { limit: updowncounter('{inode}', 'How many it can have.') },
});

/** Types that hold no files of anyone's, or only files that take no space, or are always full, or show another filesystem. */
const EXCLUDED_TYPES = [
  'autofs binfmt_misc bpf cgroup cgroup2 configfs debugfs devpts devtmpfs efivarfs erofs fuse.gvfsd-fuse fuse.lxcfs fuse.portal',
  'fuse.snapfuse fusectl hugetlbfs iso9660 mqueue nsfs overlay proc pstore ramfs rpc_pipefs',
  'securityfs selinuxfs squashfs sysfs tracefs',
].flatMap((types) => types.split(' '));

/** Where the system and container runtimes mount for themselves, and the files that runtimes mount into containers. */
const EXCLUDED_POINTS = [
  '/{dev,proc,sys,run/credentials,var/lib/docker,var/lib/containers/storage,var/lib/kubelet/pods}{,/*}',
  '/etc/{hosts,hostname,resolv.conf}',
];

const options = z.strictObject({
  include: globs().optional().describe('Mount points to report, as patterns (default all that are not excluded).'),
  exclude: globs().prefault(EXCLUDED_POINTS).describe('Mount points to leave out, as patterns.'),
  include_types: globs().optional().describe('Types of filesystems to report, as patterns (default all that are not excluded).'),
  exclude_types: globs()
    .prefault(EXCLUDED_TYPES)
    .describe('Types of filesystems to leave out, as patterns. `/` is reported whatever its type, and autofs never.'),
  include_devices: globs().optional().describe('Devices to report, as patterns (default all that are not excluded).'),
  exclude_devices: globs()
    .prefault([])
    .describe('Devices to leave out, as patterns.')
    .meta({ examples: [['/dev/loop*']] }),
  statfs_timeout: duration({ min: 10 })
    .prefault('2s')
    .describe('How long a filesystem that may wait for a server has to answer, as a duration; after that it is hung.'),
  retry_hung: duration({ min: 1000 }).prefault('10m').describe('How long a hung filesystem is left alone, as a duration.'),
});

export type FilesystemOptions = z.output<typeof options>;

export default defineSensor({
  name: 'filesystem',
  summary: 'Space and inodes of each mounted filesystem, from /proc/1/mountinfo and statfs, and whether it hangs.',
  emits: [space, filesystem, inodesByState, inodes],
  options,
  open(host, given) {
    if (host.platform !== 'linux') throw new Unavailable(`mounts are read from Linux' /proc; this is ${host.platform}`);
    const remote = new RemoteSizes({ timeoutMs: given.statfs_timeout, retryMs: given.retry_hung });
    return new Filesystems(host, given, remote);
  },
});

/** A chosen mount, with the cells of its rows. */
interface Entry {
  readonly place: Place;
  readonly cells: readonly [string, string, string, string];
}

const NONE: ReadonlyMap<string, RemoteAnswer> = new Map();
/** The mount is not ours to look at, or has gone since the table was read. */
const NOT_OURS: ReadonlySet<string> = new Set(['EACCES', 'EPERM', 'ENOENT', 'ENOTDIR']);

export class Filesystems implements Sampler {
  readonly #host: Host;
  readonly #options: FilesystemOptions;
  readonly #remote: RemoteSizes;
  readonly #table: MountTable;
  #places: readonly Place[] | undefined;
  #entries: readonly Entry[] = [];
  #remotePlaces: readonly Place[] = [];

  constructor(host: Host, given: FilesystemOptions, remote: RemoteSizes) {
    this.#host = host;
    this.#options = given;
    this.#remote = remote;
    this.#table = new MountTable(host);
  }

  sample(signal: AbortSignal): AnyTable[] | Promise<AnyTable[]> {
    this.#update();
    if (this.#remotePlaces.length === 0) return this.#tables(NONE);
    const resting = this.#remote.resting(this.#remotePlaces);
    if (resting.size === this.#remotePlaces.length) return this.#tables(resting);
    return this.#remote.ask(this.#remotePlaces, signal).then((answers) => this.#tables(answers));
  }

  close(): void {
    this.#table.close();
    this.#remote.close();
  }

  /** Chooses anew when the mounts changed. */
  #update(): void {
    const places = this.#table.read();
    if (places === this.#places) return;
    const chosen = choosePlaces(places, this.#options);
    this.#places = places;
    this.#entries = chosen.map((place) => {
      const { source, point, type, mode } = place;
      return { place, cells: [source, point, type, mode] };
    });
    // A recorded machine has all answers.
    this.#remotePlaces = this.#host.recording ? [] : chosen.filter(({ local }) => !local);
  }

  #tables(answers: ReadonlyMap<string, RemoteAnswer>): AnyTable[] {
    const tables = { space: space.table(), filesystem: filesystem.table(), usage: inodesByState.table(), inodes: inodes.table() };
    for (const { place, cells } of this.#entries) {
      const answer = this.#answerOf(place, answers);
      if (answer === undefined) continue;
      if ('size' in answer) addSize(tables, cells, answer.size);
      else if ('hung' in answer) tables.filesystem.add(cells, { limit: undefined, utilization: undefined, hung: 1, failed: 0 });
      else if (!NOT_OURS.has(answer.error))
        tables.filesystem.add(cells, { limit: undefined, utilization: undefined, hung: 0, failed: 1 });
    }
    return Object.values(tables).filter(({ rows }) => rows > 0);
  }

  #answerOf(place: Place, answers: ReadonlyMap<string, RemoteAnswer>): RemoteAnswer | undefined {
    const { recording } = this.#host;
    if (!recording) return place.local ? askLocal(place.path) : answers.get(place.path);
    const size = recording.statfs[place.point];
    return size && { size };
  }
}

interface Tables {
  readonly space: ReturnType<typeof space.table>;
  readonly filesystem: ReturnType<typeof filesystem.table>;
  readonly usage: ReturnType<typeof inodesByState.table>;
  readonly inodes: ReturnType<typeof inodes.table>;
}

function addSize(tables: Tables, cells: Entry['cells'], { size, free, available, inodes, inodesFree }: FilesystemSize): void {
  // A filesystem without a size is one that the kernel makes up.
  if (size <= 0) return;
  tables.space.add([...cells, 'used'], { usage: size - free });
  tables.space.add([...cells, 'free'], { usage: available });
  tables.space.add([...cells, 'reserved'], { usage: free - available });
  tables.filesystem.add(cells, { limit: size, utilization: (size - free) / size, hung: 0, failed: 0 });
  // Btrfs and FAT make inodes as they need them, and say 0.
  if (inodes <= 0) return;
  tables.usage.add([...cells, 'used'], { usage: inodes - inodesFree });
  tables.usage.add([...cells, 'free'], { usage: inodesFree });
  tables.inodes.add(cells, { limit: inodes });
}
