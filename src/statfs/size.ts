/** What statfs(2) says, as sizes in bytes. */
import { type StatsFs, statfsSync } from 'node:fs';
import { errno } from '../errors.ts';
import type { FilesystemSize } from '../host.ts';

/** What a filesystem answered: its size, or the name of an error. */
export type Answer = { readonly size: FilesystemSize } | { readonly error: string };

/** Sizes above 2^53 bytes lose their last digits. */
export function sizeOf({ frsize, bsize, blocks, bfree, bavail, files, ffree }: StatsFs): FilesystemSize {
  // Blocks are counted in units of `frsize`, which FUSE filesystems tell from `bsize`; Node 22 does not give it.
  const unit = frsize || bsize;
  return {
    size: blocks * unit,
    free: bfree * unit,
    // Where more is reserved than is free, some filesystems say a negative number, here a huge one.
    available: Math.min(bavail, bfree) * unit,
    inodes: files,
    inodesFree: ffree,
  };
}

/** Asks the kernel here and now: for filesystems that it answers for out of its own memory. */
export function askLocal(path: string): Answer {
  try {
    return { size: sizeOf(statfsSync(path)) };
  } catch (error) {
    const name = errno(error);
    if (name === undefined) throw error;
    return { error: name };
  }
}
