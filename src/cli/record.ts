/** Records a machine: what its sensors read, in a folder that `Host.recorded` opens. */
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, errno, UsageError } from '../errors.ts';
import type { FilesystemSize, Host, OnRead, ReadKind, Recording } from '../host.ts';
import { MountTable } from '../statfs/mount-table.ts';
import { RemoteSizes } from '../statfs/remote.ts';
import { askLocal } from '../statfs/size.ts';
import { Copier, type Skipped } from './record-copy.ts';
import type { SecretOptions } from './record-secrets.ts';

/** The longest files of the kernel's that sensors read are below, in bytes. */
const FILE_BYTES_MAX = 4 * 2 ** 20;
/** What can still be attached to a bug report once it is packed, in bytes. */
const BYTES_MAX = 64 * 2 ** 20;
/** How long a filesystem may take to say its size, in milliseconds. */
const STATFS_TIMEOUT_MS = 2000;

export interface RecordOptions extends SecretOptions {
  readonly fileBytesMax?: number;
  readonly bytesMax?: number;
}

export interface Recorded {
  /** Files that were copied. */
  readonly files: number;
  /** Their bytes. */
  readonly bytes: number;
  /** What was asked for and is not in the recording. */
  readonly skipped: readonly Skipped[];
}

/**
 * Records into `folder`, which must be empty or not there. `sample` opens the sensors with the host that `createHost` makes and
 * samples each once; what fails is its own business, and what it read until then is recorded too.
 *
 * Throws `UsageError` for a folder with something in it and for a machine that is no Linux.
 */
export async function record(
  folder: string,
  createHost: (options: { onRead: OnRead }) => Host,
  sample: (host: Host) => Promise<unknown>,
  options: RecordOptions = {},
): Promise<Recorded> {
  const asked = new Map<string, Set<ReadKind>>();
  const host = createHost({
    onRead: (path, kind) => {
      asked.set(path, (asked.get(path) ?? new Set()).add(kind));
    },
  });
  if (host.platform !== 'linux') throw new UsageError(`a recording holds /proc and /sys, which ${host.platform} has not`);
  makeEmpty(folder);
  await sample(host);
  const sizes = await filesystemSizes(host);
  const { fileBytesMax = FILE_BYTES_MAX, bytesMax = BYTES_MAX } = options;
  const copier = new Copier(host, folder, { ...options, fileBytesMax, bytesMax });
  for (const [path, kinds] of asked) for (const kind of kinds) copier.add(path, kind);
  copier.finish();
  // Last, because a folder without it is not taken for a recording.
  const about: Recording = { name: options.name ?? host.name, statfs: sizes.statfs };
  writeFileSync(join(folder, 'host.json'), `${JSON.stringify(about, null, 1)}\n`);
  return { files: copier.files, bytes: copier.bytes, skipped: [...copier.skipped, ...sizes.skipped] };
}

/** What each mounted filesystem says of its size, by mount point. One that may hang is asked where it can be killed. */
export async function filesystemSizes(host: Host): Promise<{ statfs: Record<string, FilesystemSize>; skipped: Skipped[] }> {
  if (host.recording) return { statfs: { ...host.recording.statfs }, skipped: [] };
  const statfs: Record<string, FilesystemSize> = {};
  const skipped: Skipped[] = [];
  // An autofs mounts what it is asked for.
  const places = placesOf(host, skipped).filter(({ type }) => type !== 'autofs');
  const remote = new RemoteSizes({ timeoutMs: STATFS_TIMEOUT_MS, retryMs: Number.POSITIVE_INFINITY });
  try {
    const answers = await remote.ask(
      places.filter(({ local }) => !local),
      new AbortController().signal,
    );
    for (const { point, path, local } of places) {
      const answer = local ? askLocal(path) : answers.get(path);
      if (answer && 'size' in answer) statfs[point] = answer.size;
      else
        skipped.push({ path: point, why: `its size is not known: ${answer && 'error' in answer ? answer.error : 'no answer'}` });
    }
  } finally {
    remote.close();
  }
  return { statfs, skipped };
}

/** The mounts; none, and why, where their table cannot be read. */
function placesOf(host: Host, skipped: Skipped[]): ReturnType<MountTable['read']> {
  let table: MountTable | undefined;
  try {
    table = new MountTable(host);
    return table.read();
  } catch (error) {
    skipped.push({ path: host.procPath('self/mountinfo'), why: `the sizes of filesystems are not known: ${describe(error)}` });
    return [];
  } finally {
    table?.close();
  }
}

/** Makes the folder, for its owner alone: it will hold what other users of this machine may not read. */
function makeEmpty(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    if (readdirSync(folder).length === 0) return;
  } catch (error) {
    if (errno(error) === undefined) throw error;
    throw new UsageError(`${folder} cannot be made: ${(error as Error).message}`);
  }
  throw new UsageError(`${folder} is not empty: a recording needs a folder of its own`);
}
