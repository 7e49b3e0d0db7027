/**
 * Folders that the kernel watches. What it cannot watch, or does not tell of (a network file system), is left to whoever looks from time to time.
 *
 * A folder that was replaced by another of its name is watched anew at the next `keep`.
 */
import { type FSWatcher, statSync, watch } from 'node:fs';

interface Watched {
  readonly watcher: FSWatcher;
  readonly id: string;
}

export class FolderWatch {
  readonly #folders = new Map<string, Watched>();
  readonly #touched: (folder: string, name: string | null) => void;

  /** `touched` is told of each change of a name in a folder; null when the kernel does not say which. */
  constructor(touched: (folder: string, name: string | null) => void) {
    this.#touched = touched;
  }

  /** These are watched from now on, and no others. Returns whether any is that was not: what happened in it before was not told. */
  keep(folders: ReadonlySet<string>): boolean {
    for (const folder of this.#folders.keys()) if (!folders.has(folder)) this.#leave(folder);
    let added = false;
    for (const folder of folders) if (this.#watch(folder)) added = true;
    return added;
  }

  close(): void {
    for (const folder of this.#folders.keys()) this.#leave(folder);
  }

  #watch(folder: string): boolean {
    const id = idOf(folder);
    if (this.#folders.get(folder)?.id === id) return false;
    this.#leave(folder);
    if (id === undefined) return false;
    try {
      const watcher = watch(folder, { persistent: false }, (_kind, name) => this.#touched(folder, name));
      watcher.on('error', () => this.#leave(folder));
      this.#folders.set(folder, { watcher, id });
      return true;
    } catch {
      // None there any more, or the kernel has no watch left: the next look is in time.
      return false;
    }
  }

  #leave(folder: string): void {
    this.#folders.get(folder)?.watcher.close();
    this.#folders.delete(folder);
  }
}

/** What a folder is, whatever it is called; undefined when it is not there or cannot be looked at. */
function idOf(folder: string): string | undefined {
  try {
    const stat = statSync(folder, { bigint: true });
    // One that was made anew may have the number of the one before.
    return stat.isDirectory() ? `${stat.dev} ${stat.ino} ${stat.birthtimeNs}` : undefined;
  } catch {
    return undefined;
  }
}
