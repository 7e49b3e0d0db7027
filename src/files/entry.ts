/** What is known of a file, and what has happened between two looks at some files. */
import type { BigIntStats } from 'node:fs';

export interface Entry {
  readonly path: string;
  /** Which of the given paths it is of. */
  readonly watch: string;
  /** The same as long as it is the same file, under whatever name. */
  readonly id: string;
  readonly size: number;
  /** Unix time in seconds. */
  readonly modified: number;
  /** Equal as long as nobody wrote to it, and as long as nobody touched what belongs to it. */
  readonly content: string;
  readonly attributes: string;
}

export type ChangeKind = 'created' | 'modified' | 'deleted' | 'renamed' | 'attributes';
export const CHANGE_KINDS: readonly ChangeKind[] = ['created', 'modified', 'deleted', 'renamed', 'attributes'];

export interface Change {
  readonly kind: ChangeKind;
  /** What it is now; of a deleted file, what it was. */
  readonly entry: Entry;
  readonly before: Entry | undefined;
}

/** A number of an inode is given again to the next file, so that the moment of birth belongs to it, where the filesystem keeps that. */
export const idOf = ({ dev, ino, birthtimeNs }: Pick<BigIntStats, 'dev' | 'ino' | 'birthtimeNs'>): string =>
  `${dev}/${ino}/${birthtimeNs}`;

export function entryOf(path: string, watch: string, stat: BigIntStats): Entry {
  const { size, mtimeNs, mode, uid, gid } = stat;
  return {
    path,
    watch,
    id: idOf(stat),
    size: Number(size),
    modified: Number(mtimeNs / 1000n) / 1e6,
    content: `${size}/${mtimeNs}`,
    attributes: `${mode}/${uid}/${gid}`,
  };
}

/**
 * What has happened to files, from what was and what is at the paths that were looked at.
 *
 * A file that is at another path is renamed. What is renamed over another file is that file, modified, as an editor saves it: the path that it
 * came from is deleted. A file whose place another one takes, while it lives on elsewhere, as logs rotate, is renamed, and the other created.
 */
export function changesBetween(before: ReadonlyMap<string, Entry>, after: ReadonlyMap<string, Entry>): Change[] {
  const wasAt = new Map([...before.values()].map((entry) => [entry.id, entry]));
  const isAt = new Map([...after.values()].map((entry) => [entry.id, entry]));
  const changes: Change[] = [];
  const moved = new Set<string>();
  for (const entry of after.values()) {
    const here = before.get(entry.path);
    if (here?.id === entry.id) {
      const kind = here.content !== entry.content ? 'modified' : here.attributes !== entry.attributes ? 'attributes' : undefined;
      if (kind) changes.push({ kind, entry, before: here });
      continue;
    }
    if (here && !isAt.has(here.id)) {
      changes.push({ kind: 'modified', entry, before: here });
      continue;
    }
    const origin = wasAt.get(entry.id);
    // A second name of a file that has kept its first one is a link, which is a new file to whoever looks at names.
    if (origin && after.get(origin.path)?.id !== origin.id && !moved.has(origin.path)) {
      moved.add(origin.path);
      changes.push({ kind: 'renamed', entry, before: origin });
    } else changes.push({ kind: 'created', entry, before: undefined });
  }
  for (const entry of before.values())
    if (!after.has(entry.path) && !moved.has(entry.path)) changes.push({ kind: 'deleted', entry, before: entry });
  return changes;
}
