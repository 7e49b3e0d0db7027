/**
 * The machine as sensors see it: files below a `/proc`, a `/sys` and a mount prefix that may be the machine's own, those of the
 * host of a container, or a recorded machine's. A sensor reads the machine through this and through nothing else.
 *
 * Reads are synchronous: the kernel answers them from memory within microseconds, which is less than a turn of the thread pool
 * costs. What may wait for a device, a server or another process' lock is not read here: it has a helper of its own.
 */
import { closeSync, type Dirent, existsSync, openSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import os from 'node:os';
import { join } from 'node:path';
import { errno, Unavailable } from './errors.ts';
import { BUFFER_BYTES, fill, type Given } from './fill.ts';
import { placesOf } from './host-environment.ts';
import { Text } from './text.ts';
import { Turn } from './turn.ts';

/** What is asked of a path: its bytes, its names, where it points, or only whether it is there. */
export type ReadKind = 'file' | 'folder' | 'link' | 'exists';
export type { Given } from './fill.ts';
export type OnRead = (path: string, kind: ReadKind) => void;

export interface HostOptions {
  /** Where the host's `/proc` is. */
  readonly proc?: string;
  /** Where the host's `/sys` is. */
  readonly sys?: string;
  /** Prefix of the host's mount points, `/` when they are our own. */
  readonly root?: string;
  /** The platform, as `process.platform`; a recorded machine is `linux`. */
  readonly platform?: NodeJS.Platform;
  /** The machine's name; the kernel's when it is not given. */
  readonly name?: string;
  /** Told of every path that is read; `tidegate record` copies those. */
  readonly onRead?: OnRead;
  /** What a recorded machine's `statfs` answered, by mount point. */
  readonly recording?: Recording;
}

/** What files cannot hold of a recorded machine: `host.json` in its folder. */
export interface Recording {
  readonly name: string;
  /** Bytes and inodes of mounted filesystems, by mount point. */
  readonly statfs: Readonly<Record<string, FilesystemSize>>;
}

/** What statfs(2) says of a filesystem. Sizes in bytes. */
export interface FilesystemSize {
  readonly size: number;
  readonly free: number;
  readonly available: number;
  readonly inodes: number;
  readonly inodesFree: number;
}

export class Host {
  readonly platform: NodeJS.Platform;
  readonly name: string;
  readonly root: string;
  readonly recording: Recording | undefined;
  /** What sensors read at this very moment. */
  readonly turn = new Turn();
  readonly #proc: string;
  readonly #sys: string;
  readonly #onRead: OnRead | undefined;

  constructor(options: HostOptions = {}) {
    this.platform = options.platform ?? process.platform;
    this.name = options.name ?? options.recording?.name ?? os.hostname();
    this.root = options.root ?? '/';
    this.recording = options.recording;
    this.#proc = options.proc ?? '/proc';
    this.#sys = options.sys ?? '/sys';
    this.#onRead = options.onRead;
  }

  /** The machine that `HOST_PROC`, `HOST_SYS` and `HOST_ROOT` name, or this one. */
  static fromEnvironment(env: NodeJS.ProcessEnv = process.env, options: HostOptions = {}): Host {
    return new Host({ ...placesOf(env), ...options });
  }

  /** A machine recorded by `tidegate record`: `proc/`, `sys/` and `host.json` in one folder. */
  static recorded(folder: string, options: HostOptions = {}): Host {
    const about = join(folder, 'host.json');
    if (!existsSync(about))
      throw new Unavailable(
        `${folder} is not a recorded machine: it has no host.json (make one with: tidegate record ${folder})`,
      );
    const recording = JSON.parse(readFileSync(about, 'utf8')) as Recording;
    return new Host({
      proc: join(folder, 'proc'),
      sys: join(folder, 'sys'),
      root: join(folder, 'root'),
      platform: 'linux',
      recording,
      ...options,
    });
  }

  /** What another thread makes the same host of. */
  options(): HostOptions {
    const { platform, name, root, recording } = this;
    return { proc: this.#proc, sys: this.#sys, root, platform, name, ...(recording && { recording }) };
  }

  /** Whether somebody is told of what is read. */
  get watched(): boolean {
    return this.#onRead !== undefined;
  }

  /** Whether the running process is on this machine, so that `node:os` and system calls speak of the same one. */
  get live(): boolean {
    return this.recording === undefined && this.platform === process.platform;
  }

  /** `/proc/<path>`, to be read again and again. */
  proc(path: string, given?: Given): HotFile {
    return this.hot(this.procPath(path), given);
  }

  /** `/sys/<path>`, to be read again and again. The kernel gives every text of sysfs at once. */
  sys(path: string): HotFile {
    return this.hot(this.sysPath(path), 'at once');
  }

  /** A file at a path that came from this host, to be read again and again. */
  hot(path: string, given?: Given): HotFile {
    return new HotFile(path, this.#onRead, given, this.turn);
  }

  /** For files that are too many, or too short-lived, to be worth an open descriptor each. */
  reader(): FileReader {
    return new FileReader(this.#onRead);
  }

  procPath(path: string): string {
    return `${this.#proc}/${path}`;
  }

  sysPath(path: string): string {
    return `${this.#sys}/${path}`;
  }

  /** The path under which a mount point of the host is seen from here. */
  mountPath(mountPoint: string): string {
    return this.root === '/' ? mountPoint : join(this.root, mountPoint);
  }

  /** Names in a folder, or undefined when it is not there or not ours to read. */
  list(path: string): string[] | undefined {
    this.#onRead?.(path, 'folder');
    return tolerant(() => readdirSync(path));
  }

  /** As `list`, with what each entry is (a link is a link). */
  entries(path: string): Dirent[] | undefined {
    this.#onRead?.(path, 'folder');
    return tolerant(() => readdirSync(path, { withFileTypes: true }));
  }

  /** Where a link points, or undefined. */
  link(path: string): string | undefined {
    this.#onRead?.(path, 'link');
    return tolerant(() => readlinkSync(path));
  }

  /** A small file as a string without white space at its end, or undefined when it cannot be read. For what is read once. */
  read(path: string): string | undefined {
    this.#onRead?.(path, 'file');
    return tolerant(() => readFileSync(path, 'utf8').trimEnd());
  }

  /** Tells who records of a path that the caller reads by means of its own: the files of processes, which are thousands. */
  noteRead(path: string, kind: ReadKind): void {
    this.#onRead?.(path, kind);
  }

  exists(path: string): boolean {
    this.#onRead?.(path, 'exists');
    return existsSync(path);
  }
}

/** Runs a read and returns undefined when the machine says no: gone, forbidden, not supported, not valid in this state. */
function tolerant<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (errno(error) === undefined) throw error;
    return undefined;
  }
}

/** A file that is opened once and read again from its start into the same buffer; of a host, once in a turn of the event loop. */
export class HotFile {
  readonly path: string;
  readonly #turn: Turn | undefined;
  readonly #onRead: OnRead | undefined;
  readonly #given: Given;
  #fd = -1;
  #text: Text | undefined;

  constructor(path: string, onRead?: OnRead, given: Given = 'in pieces', turn?: Turn) {
    this.path = path;
    this.#turn = turn;
    this.#onRead = onRead;
    this.#given = given;
  }

  /**
   * The file's bytes now, in a `Text` that is overwritten once this turn is over: take what you need before you wait for anything.
   * Throws the system's error when it cannot be read.
   */
  read(): Text {
    const known = this.#turn?.get(this.path);
    if (known instanceof Text) return known;
    const text = this.#read();
    this.#turn?.keep(this.path, text);
    return text;
  }

  #read(): Text {
    if (this.#fd < 0) {
      this.#onRead?.(this.path, 'file');
      this.#fd = openSync(this.path, 'r');
    }
    const text = (this.#text ??= new Text(this.path, Buffer.allocUnsafeSlow(BUFFER_BYTES), 0));
    try {
      fill(this.#fd, text, this.#given);
    } catch (error) {
      // The device or process behind it went away and may be back under the same name: the next read opens it anew.
      this.close();
      throw error;
    }
    return text;
  }

  /** As `read`, but undefined when the file is not there or the kernel will not answer now. */
  maybe(): Text | undefined {
    return tolerant(() => this.read());
  }

  close(): void {
    if (this.#fd >= 0) closeSync(this.#fd);
    this.#fd = -1;
  }
}

/** Opens, reads and closes one file after the other, into one buffer. */
export class FileReader {
  readonly #onRead: OnRead | undefined;
  #buffer: Buffer = Buffer.allocUnsafeSlow(BUFFER_BYTES);

  constructor(onRead?: OnRead) {
    this.#onRead = onRead;
  }

  /**
   * The file's bytes now, in a `Text` that the next read of any file overwrites; undefined when it is not there or the kernel will
   * not answer now.
   */
  maybe(path: string): Text | undefined {
    this.#onRead?.(path, 'file');
    const text = new Text(path, this.#buffer, 0);
    return tolerant(() => {
      const fd = openSync(path, 'r');
      try {
        fill(fd, text, 'in pieces');
      } finally {
        closeSync(fd);
        this.#buffer = text.buffer;
      }
      return text;
    });
  }
}

/** Throws `Unavailable` unless the path is there; `what` says what is missing for want of it. */
export function requirePath(host: Host, path: string, what: string): void {
  if (host.platform !== 'linux') throw new Unavailable(`${what} is read from Linux' /proc and /sys; this is ${host.platform}`);
  if (!host.exists(path)) throw new Unavailable(`${path} is not there: ${what} needs it`);
}
