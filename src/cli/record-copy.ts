/**
 * Copies what was asked of a machine into a folder, so that the same questions get the same answers there.
 *
 * The folder holds `proc/`, `sys/` and `root/`, whose files lie where they lie on the machine. A file that was read is copied with its
 * content, as it is now. A folder that was listed has the same names in it: folders, links, and empty files for what nobody read. A
 * link that was read, or that leads to something that was asked for, is the same link. A file that could not be read, or that is not
 * to be recorded, is a link to nowhere: its name is there, and reading it fails.
 *
 * Nothing is written through a link: contents go where links lead, and links are made when everything else is in place.
 */
import {
  closeSync,
  constants,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readlinkSync,
  readSync,
  type Stats,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, isAbsolute, join, relative } from 'node:path';
import { errno } from '../errors.ts';
import type { Host, ReadKind } from '../host.ts';
import { isSecret, type SecretOptions, withoutSecrets } from './record-secrets.ts';

/** As the kernel's limit, MAXSYMLINKS. */
const LINKS_MAX = 40;
/** Links of a process that lead into another view of the machine than their text says, so that they are not followed. */
const MAGIC = /^proc\/\d+(?:\/task\/\d+)?\/(?:cwd|exe|root|fd\/\d+|map_files\/[^/]+|ns\/[^/]+)$/;

/** Where a link points in the place of what is not in the recording. */
const NOT_RECORDED = 'not recorded';

export interface CopyOptions extends SecretOptions {
  /** A file longer than this is left out, in bytes. */
  readonly fileBytesMax: number;
  /** All files together, in bytes. */
  readonly bytesMax: number;
}

/** Something that was asked for and is not in the recording. */
export interface Skipped {
  readonly path: string;
  readonly why: string;
}

interface Link {
  readonly text: string;
  /** Whether something was reached through it. */
  followed: boolean;
}

export class Copier {
  readonly #folder: string;
  readonly #options: CopyOptions;
  /** Folders of the machine, and what each is called in the recording; the first that holds a path is its place. */
  readonly #bases: readonly (readonly [string, string])[];
  readonly #folders = new Set<string>();
  readonly #files = new Set<string>();
  /** Names that are in a folder, though nothing of them was read. */
  readonly #names = new Set<string>();
  readonly #links = new Map<string, Link>();
  readonly skipped: Skipped[] = [];
  files = 0;
  bytes = 0;

  constructor(host: Host, folder: string, options: CopyOptions) {
    this.#folder = folder;
    this.#options = options;
    const root = host.mountPath('/').replace(/\/+$/, '');
    this.#bases = [
      [host.procPath('').replace(/\/+$/, ''), 'proc'],
      [host.sysPath('').replace(/\/+$/, ''), 'sys'],
      [root, 'root'],
    ];
  }

  /** Copies a file, or takes note of anything else. */
  add(path: string, kind: ReadKind): void {
    const place = this.#placeOf(path);
    if (place === undefined) {
      this.#skip(path, 'it is neither below /proc, /sys nor the root of the host');
      return;
    }
    const real = this.#follow(path, kind !== 'link');
    const stats = real === undefined ? undefined : statsOf(real);
    if (real === undefined || stats === undefined) return;
    if (kind === 'link') this.#noteLink(real);
    else if (stats.isDirectory()) this.#noteFolder(real, kind === 'folder');
    else if (kind === 'file') this.#copy(real, stats);
    else if (kind === 'exists') this.#names.add(real);
  }

  /** Makes what was taken note of. */
  finish(): void {
    for (const path of this.#folders) this.#make(path, (target) => mkdirSync(target, { recursive: true }));
    for (const path of this.#names) {
      if (!this.#files.has(path) && !this.#links.has(path)) this.#make(path, (target) => writeFileSync(target, ''));
    }
    for (const [path, link] of this.#links) {
      this.#make(path, (target) => {
        // The link of a process that was read, and that files were read below, is a folder now.
        if (statsOf(target) === undefined) symlinkSync(this.#linkText(path, link), target);
      });
    }
  }

  #placeOf(path: string): string | undefined {
    for (const [base, name] of this.#bases) {
      if (path === base || path.startsWith(`${base}/`)) return join(name, path.slice(base.length));
    }
    return undefined;
  }

  /** Makes something at a path's place, and the folders above it. */
  #make(path: string, make: (target: string) => void): void {
    const place = this.#placeOf(path);
    if (place === undefined) {
      this.#skip(path, 'a link leads to it, out of what is recorded');
      return;
    }
    const target = join(this.#folder, place);
    mkdirSync(dirname(target), { recursive: true });
    make(target);
  }

  #skip(path: string, why: string): void {
    this.skipped.push({ path, why });
  }

  /** The path without links, which are taken note of; undefined when it leads nowhere. `last`: the path's own end is followed too. */
  #follow(path: string, last: boolean): string | undefined {
    let at = this.#bases.find(([base]) => path === base || path.startsWith(`${base}/`))?.[0] ?? '';
    const rest = namesOf(path.slice(at.length));
    for (let links = 0; rest.length > 0; ) {
      const name = rest.shift() as string;
      if (name === '..') at = dirname(at);
      if (name === '..' || name === '.') continue;
      const next = `${at === '/' ? '' : at}/${name}`;
      const stats = statsOf(next);
      if (stats === undefined) return undefined;
      const follow = stats.isSymbolicLink() && (last || rest.length > 0) && !MAGIC.test(this.#placeOf(next) ?? '');
      const text = follow ? this.#noteLink(next, true) : undefined;
      if (follow && (text === undefined || ++links > LINKS_MAX)) return undefined;
      if (text === undefined) at = next;
      else {
        if (isAbsolute(text)) at = '/';
        rest.unshift(...namesOf(text));
      }
    }
    return at;
  }

  /** Where a link points; undefined when that is not ours to know, or when it is none. */
  #noteLink(path: string, followed = false): string | undefined {
    const text = attempt(() => readlinkSync(path));
    if (typeof text !== 'string') return undefined;
    const known = this.#links.get(path);
    if (known) known.followed ||= followed;
    else this.#links.set(path, { text, followed });
    return text;
  }

  /** A link that is followed stays within the recording; one that was only read says what it said. */
  #linkText(path: string, { text, followed }: Link): string {
    if (!followed) return text;
    const from = this.#placeOf(path);
    const to = this.#placeOf(isAbsolute(text) ? text : join(dirname(path), text));
    if (from === undefined || to === undefined) return NOT_RECORDED;
    const moved = isAbsolute(text) || from.split('/')[0] !== to.split('/')[0];
    return moved ? relative(dirname(from), to) : text;
  }

  #noteFolder(path: string, listed: boolean): void {
    this.#folders.add(path);
    if (!listed) return;
    const entries = attempt(() => readdirSync(path, { withFileTypes: true }));
    if (!Array.isArray(entries)) {
      if (entries !== undefined) this.#skip(path, `it cannot be listed: ${entries.code}`);
      return;
    }
    for (const entry of entries) {
      const child = `${path}/${entry.name}`;
      // What a process has open is nobody's business unless a sensor asked for it by name.
      const magic = MAGIC.test(this.#placeOf(child) ?? '');
      if (entry.isDirectory()) this.#folders.add(child);
      else if (magic || !entry.isSymbolicLink() || this.#noteLink(child) === undefined) this.#names.add(child);
    }
  }

  #copy(path: string, stats: Stats): void {
    if (this.#files.has(path) || this.#links.has(path)) return;
    const content = this.#contentOf(path, stats);
    if (content === undefined) return;
    this.#make(path, (target) => writeFileSync(target, content));
    this.#files.add(path);
    this.files++;
    this.bytes += content.length;
  }

  /** What is recorded of a file; undefined, and said, when nothing is. */
  #contentOf(path: string, stats: Stats): Buffer | undefined {
    const { fileBytesMax, bytesMax } = this.#options;
    const place = this.#placeOf(path);
    if (place === undefined) {
      this.#skip(path, 'a link leads to it, out of what is recorded');
      return undefined;
    }
    if (!stats.isFile()) return this.#leaveOut(path, 'it is no file');
    if (isSecret(place)) return this.#leaveOut(path, 'it may hold secrets');
    const room = bytesMax - this.bytes;
    const content = attempt(() => readUpTo(path, Math.min(fileBytesMax, room) + 1));
    // It was there a moment ago: a process that ended.
    if (content === undefined) return undefined;
    if (!Buffer.isBuffer(content)) return this.#leaveOut(path, `it cannot be read: ${content.code}`);
    if (content.length > fileBytesMax) return this.#leaveOut(path, `it is longer than ${fileBytesMax} bytes`);
    if (content.length > room) return this.#leaveOut(path, `the recording would be larger than ${bytesMax} bytes`);
    return withoutSecrets(place, content, this.#options);
  }

  #leaveOut(path: string, why: string): undefined {
    this.#skip(path, why);
    this.#links.set(path, { text: NOT_RECORDED, followed: false });
  }
}

const namesOf = (path: string): string[] => path.split('/').filter((name) => name !== '');

const statsOf = (path: string): Stats | undefined => {
  const stats = attempt(() => lstatSync(path));
  return stats && 'code' in stats ? undefined : stats;
};

/** The result; undefined when it is not there; the error's name when the machine says no for another reason. */
function attempt<T>(ask: () => T): T | undefined | { readonly code: string } {
  try {
    return ask();
  } catch (error) {
    const code = errno(error);
    if (code === undefined) throw error;
    return code === 'ENOENT' || code === 'ESRCH' || code === 'ENOTDIR' ? undefined : { code };
  }
}

/** The first bytes of a file whose size is not known before it is read. What would wait for more fails with EAGAIN. */
function readUpTo(path: string, limit: number): Buffer {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const chunks: Buffer[] = [];
    for (let length = 0; length < limit; ) {
      const chunk = Buffer.allocUnsafe(Math.min(64 * 1024, limit - length));
      const read = readSync(fd, chunk, 0, chunk.length, length);
      if (read === 0) break;
      chunks.push(chunk.subarray(0, read));
      length += read;
    }
    return Buffer.concat(chunks);
  } finally {
    closeSync(fd);
  }
}
