/**
 * Files that are watched, and what happens to them.
 *
 * The kernel says in which folder something has happened to which name; what it was is found by looking, and comparing with what was known. So a
 * name that many things happen to at once is looked at once, and a change that left nothing behind (a file that came and went between two
 * looks) is none. Looks are SETTLE_MS apart. What a folder holds is listed anew when it cannot be watched, and all of it now and then.
 *
 * Limits: `max_files` known, `max_watches` folders watched by the kernel; what is beyond is said.
 */
import { type FSWatcher, watch } from 'node:fs';
import { lstat, readdir, stat } from 'node:fs/promises';
import type { Clock } from '../clock.ts';
import { errno } from '../errors.ts';
import { type Change, changesBetween, type Entry, entryOf, idOf } from './entry.ts';
import type { FilesOptions } from './options.ts';
import type { Selection } from './selection.ts';

const SETTLE_MS = 100;
/** A folder that is given is told by the kernel when it goes, but not when one above it does: that is looked for this often, in milliseconds. */
const CHECK_MS = 10_000;

interface Folder {
  readonly path: string;
  readonly id: string;
  /** Undefined when the kernel does not watch it. */
  watcher: FSWatcher | undefined;
  readonly names: Set<string>;
  /** Names that something has happened to; `all` when everything is to be looked at. */
  dirty: Set<string> | 'all';
}

/** One look: what was at the paths that were looked at, and what is. */
interface Look {
  readonly before: Map<string, Entry>;
  readonly after: Map<string, Entry>;
}

export interface TreeParts {
  readonly selection: Selection;
  readonly limits: Pick<FilesOptions, 'max_files' | 'max_watches'>;
  /** Before each path, where the host's files are seen from here. */
  readonly prefix: string;
  readonly clock: Clock;
  onChanges(changes: readonly Change[]): void | Promise<void>;
}

export class Tree {
  readonly entries = new Map<string, Entry>();
  /** Files beyond `max_files`, at the last look at their folders. */
  omitted = 0;
  /** Why the kernel does not watch some folder; undefined when it watches all. */
  unwatched: string | undefined;
  /** Counts looks that have changed something. */
  version = 0;
  readonly #parts: TreeParts;
  readonly #folders = new Map<string, Folder>();
  readonly #dirty = new Set<Folder>();
  #watches = 0;
  #cancel: (() => void) | undefined;
  #looking: Promise<void> = Promise.resolve();
  /** Looks that were begun and are not over. */
  #looks = 0;
  /** When the given folders were looked for last, on the monotonic clock. */
  #checked = 0;
  #closed = false;

  constructor(parts: TreeParts) {
    this.#parts = parts;
  }

  get folders(): number {
    return this.#folders.size;
  }

  get watches(): number {
    return this.#watches;
  }

  /** What is there at the beginning has not happened. */
  async open(): Promise<void> {
    await this.#lookAfter(async (look) => await this.#enterBases(look), false);
  }

  /** Looks at all that has changed; undefined when there is nothing to look at. `all` lists everything anew. */
  settle(all: boolean): Promise<void> | undefined {
    if (!all && this.#isIdle()) return undefined;
    this.#checked = this.#parts.clock.monotonic();
    return this.#lookAfter(async (look) => {
      for (const folder of this.#folders.values())
        if (all || !folder.watcher) {
          folder.dirty = 'all';
          this.#dirty.add(folder);
        }
      if (all) this.omitted = 0;
      for (const base of this.#parts.selection.bases) await this.#checkFolder(base, look);
      await this.#enterBases(look);
    }, true);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#cancel?.();
    for (const folder of this.#folders.values()) folder.watcher?.close();
    await this.#looking;
  }

  /** Whether the kernel watches everything and has told of nothing since the last look: then there is nothing to ask. */
  #isIdle(): boolean {
    if (this.#looks > 0 || this.#dirty.size > 0 || this.#watches < this.#folders.size) return false;
    if (this.#parts.clock.monotonic() - this.#checked >= CHECK_MS) return false;
    return this.#parts.selection.bases.every((base) => this.#folders.has(base));
  }

  /** One look at a time: `first` and then what is dirty. */
  #lookAfter(first: (look: Look) => Promise<void>, tell: boolean): Promise<void> {
    this.#looks++;
    const done = this.#looking.then(async () => {
      if (this.#closed) return;
      const look: Look = { before: new Map(), after: new Map() };
      await first(look);
      await this.#lookAtDirty(look);
      const changes = changesBetween(look.before, look.after);
      if (changes.length > 0) this.version++;
      if (tell && changes.length > 0 && !this.#closed) await this.#parts.onChanges(changes);
    });
    this.#looking = done.catch(() => {}).finally(() => this.#looks--);
    return done;
  }

  async #enterBases(look: Look): Promise<void> {
    for (const base of this.#parts.selection.bases) if (!this.#folders.has(base)) await this.#enter(base, look);
  }

  async #lookAtDirty(look: Look): Promise<void> {
    for (let rounds = 0; this.#dirty.size > 0 && !this.#closed && rounds < 1000; rounds++) {
      const folders = [...this.#dirty];
      this.#dirty.clear();
      for (const folder of folders) await this.#lookAt(folder, look);
    }
  }

  async #lookAt(folder: Folder, look: Look): Promise<void> {
    if (this.#folders.get(folder.path) !== folder) return;
    const { dirty } = folder;
    folder.dirty = new Set();
    let names: Iterable<string> = dirty;
    if (dirty === 'all') {
      const there = await readdir(this.#real(folder.path)).catch(() => undefined);
      // One that went away is told by its parent, or by the check of the bases.
      if (!there) return await this.#checkFolder(folder.path, look);
      names = new Set([...there, ...folder.names]);
    }
    for (const name of names) await this.#lookAtName(folder, name, look);
  }

  async #lookAtName(folder: Folder, name: string, look: Look): Promise<void> {
    const path = folder.path === '/' ? `/${name}` : `${folder.path}/${name}`;
    const { selection } = this.#parts;
    const [watched, enters] = [selection.watchOf(path), selection.enters(path)];
    if (watched === undefined && !enters) return;
    const found = await lstat(this.#real(path), { bigint: true }).catch(() => undefined);
    const known = this.#folders.get(path);
    if (known && (!found?.isDirectory() || idOf(found) !== known.id)) this.#leave(known, look);
    const was = this.entries.get(path);
    if (was && !look.before.has(path)) look.before.set(path, was);
    look.after.delete(path);
    this.entries.delete(path);
    folder.names.delete(name);
    if (!found) return;
    if (found.isDirectory()) {
      folder.names.add(name);
      if (enters && !this.#folders.has(path)) await this.#enter(path, look);
      return;
    }
    if (watched === undefined) return;
    if (this.entries.size >= this.#parts.limits.max_files) {
      this.omitted++;
      return;
    }
    folder.names.add(name);
    const entry = entryOf(path, watched, found);
    this.entries.set(path, entry);
    look.after.set(path, entry);
  }

  /** Watches a folder and takes what is in it. Watching comes first, so that nothing happens unseen in between. */
  async #enter(path: string, look: Look): Promise<void> {
    const real = this.#real(path);
    const found = await stat(real, { bigint: true }).catch(() => undefined);
    if (!found?.isDirectory() || this.#closed) return;
    const folder: Folder = { path, id: idOf(found), watcher: undefined, names: new Set(), dirty: 'all' };
    this.#folders.set(path, folder);
    folder.watcher = this.#watch(folder, real);
    await this.#lookAt(folder, look);
  }

  #watch(folder: Folder, real: string): FSWatcher | undefined {
    if (this.#watches >= this.#parts.limits.max_watches) {
      this.unwatched = `max_watches, ${this.#parts.limits.max_watches}, are not enough: the other folders are listed at each sample`;
      return undefined;
    }
    try {
      const watcher = watch(real, { persistent: false }, (_kind, name) => this.#touched(folder, name));
      watcher.on('error', () => this.#touched(folder, null));
      this.#watches++;
      return watcher;
    } catch (error) {
      const code = errno(error) ?? String(error);
      const limit = code === 'EMFILE' ? 'fs.inotify.max_user_instances' : 'fs.inotify.max_user_watches';
      if (code === 'ENOSPC' || code === 'EMFILE')
        this.unwatched = `the kernel watches no more folders for this user: raise ${limit} (sysctl), or watch fewer; the others are listed at each sample`;
      else if (code !== 'ENOENT') this.unwatched = `${folder.path} cannot be watched (${code}) and is listed at each sample`;
      return undefined;
    }
  }

  #touched(folder: Folder, name: string | null): void {
    if (this.#closed) return;
    if (name === null) folder.dirty = 'all';
    else if (folder.dirty !== 'all') {
      folder.dirty.add(name);
      // Its own name is what it says when it goes away itself.
      if (folder.path.endsWith(`/${name}`)) folder.dirty = 'all';
    }
    this.#dirty.add(folder);
    this.#cancel ??= this.#parts.clock.after(SETTLE_MS, () => {
      this.#cancel = undefined;
      // What goes wrong comes up at the next sample, which looks too.
      this.#lookAfter(async () => {}, true).catch(() => {});
    });
  }

  /** Whether it is still the same folder; leaves it otherwise. */
  async #checkFolder(path: string, look: Look): Promise<void> {
    const folder = this.#folders.get(path);
    if (!folder) return;
    const found = await stat(this.#real(path), { bigint: true }).catch(() => undefined);
    if (!found?.isDirectory() || idOf(found) !== folder.id) this.#leave(folder, look);
  }

  /** It is gone, with all that was in it. */
  #leave(folder: Folder, look: Look): void {
    folder.watcher?.close();
    if (folder.watcher) this.#watches--;
    this.#folders.delete(folder.path);
    this.#dirty.delete(folder);
    for (const name of folder.names) {
      const path = folder.path === '/' ? `/${name}` : `${folder.path}/${name}`;
      const below = this.#folders.get(path);
      if (below) this.#leave(below, look);
      const entry = this.entries.get(path);
      if (!entry) continue;
      this.entries.delete(path);
      if (!look.before.has(path)) look.before.set(path, entry);
      look.after.delete(path);
    }
  }

  #real(path: string): string {
    return `${this.#parts.prefix}${path}`;
  }
}
