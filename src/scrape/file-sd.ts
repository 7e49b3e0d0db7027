/**
 * Targets from files, as Prometheus' `file_sd_configs`: JSON or YAML, a list of `{ targets: [host:port], labels: { … } }`.
 *
 * A file that is wrong changes nothing: its targets of before stay, and what is wrong with it is said. One that is gone has no targets.
 *
 * The folders of the files are watched, and those that their links lead to: files are replaced by renaming others over them, and in Kubernetes by renaming a link that is
 * on the way to them. A file that is being written is read when nothing has happened for SETTLE_MS. Every `refresh` there is a look in any case.
 */
import { existsSync, readdirSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { parse as parseYaml } from 'yaml';
import * as z from 'zod';
import type { Clock } from '../clock.ts';
import { describe, errno } from '../errors.ts';
import { matcher } from '../options.ts';
import { realPath } from '../real-path.ts';
import { type Found, repeated, type Source } from './discovery.ts';
import { WatchedFile } from './files.ts';
import { FolderWatch } from './folder-watch.ts';
import type { FileSdOptions } from './options.ts';

/** Targets of one file. */
const TARGETS_MAX = 100_000;
const SETTLE_MS = 100;
/** And so long at most where changes do not end. */
const SETTLE_MS_MAX = 1000;

const groups = z.array(
  z.strictObject({
    targets: z.array(z.string().min(1)),
    labels: z.record(z.string().min(1), z.coerce.string()).nullish(),
  }),
);

export class FileSource implements Source {
  problem: string | undefined;
  readonly #options: FileSdOptions;
  readonly #clock: Clock;
  readonly #files = new Map<string, { file: WatchedFile; text: string; found: readonly Found[] }>();
  readonly #patterns: readonly { readonly folder: string; readonly matches: (name: string) => boolean }[];
  readonly #watch = new FolderWatch((folder, name) => this.#touched(folder, name));
  /** Folders in which any change may be one of a file: links are there, or lead there. */
  readonly #linked = new Set<string>();
  #changed: (found: readonly Found[]) => void = () => {};
  #stop: () => void = () => {};
  #settle: () => void = () => {};
  /** The first change that was not looked at yet, on the monotonic clock. */
  #touchedAt: number | undefined;

  constructor(options: FileSdOptions, clock: Clock) {
    this.#options = options;
    this.#clock = clock;
    this.#patterns = options.files.map((pattern) => {
      const name = basename(pattern);
      return { folder: dirname(pattern), matches: name.includes('*') ? matcher(name) : (other) => other === name };
    });
  }

  async start(changed: (found: readonly Found[]) => void): Promise<void> {
    this.#changed = changed;
    const look = async (): Promise<void> => {
      this.#lookAround();
      await Promise.resolve();
    };
    this.#stop = repeated(this.#options.refresh, (ms, fn) => this.#clock.after(ms, fn), look);
    await look();
  }

  stop(): void {
    this.#stop();
    this.#settle();
    this.#watch.close();
  }

  #touched(folder: string, name: string | null): void {
    const ours =
      name === null || this.#linked.has(folder) || this.#patterns.some((one) => one.folder === folder && one.matches(name));
    if (!ours) return;
    this.#settle();
    const now = this.#clock.monotonic();
    this.#touchedAt ??= now;
    const wait = Math.min(SETTLE_MS, Math.max(0, this.#touchedAt + SETTLE_MS_MAX - now));
    this.#settle = this.#clock.after(wait, () => {
      this.#touchedAt = undefined;
      this.#lookAround();
    });
  }

  /** Looks at every file, and once more when a folder is watched that was not: it may have changed before that. */
  #lookAround(): void {
    let different = this.#look();
    if (this.#watch.keep(this.#folders()) && this.#look()) different = true;
    if (different) this.#changed([...this.#files.values()].flatMap(({ found }) => found));
  }

  /** The folders of the patterns, and those that the files are in. */
  #folders(): Set<string> {
    this.#linked.clear();
    const folders = new Set(this.#patterns.map(({ folder }) => folder));
    for (const path of this.#files.keys()) {
      const real = realPath(path);
      if (real === resolve(path)) continue;
      for (const folder of [dirname(path), dirname(real)]) {
        folders.add(folder);
        this.#linked.add(folder);
      }
    }
    return folders;
  }

  /** Looks at every file. Returns whether any target is another. */
  #look(): boolean {
    const problems: string[] = [];
    const paths = this.#options.files.flatMap((pattern) => matching(pattern, problems));
    let different = false;
    for (const path of this.#files.keys()) {
      if (paths.includes(path)) continue;
      this.#files.delete(path);
      different = true;
    }
    for (const path of paths) {
      try {
        if (this.#read(path)) different = true;
      } catch (error) {
        problems.push(`${path}: ${describe(error)}`);
      }
    }
    this.problem = problems.length === 0 ? undefined : problems.join('; ');
    return different;
  }

  #read(path: string): boolean {
    const known = this.#files.get(path) ?? { file: new WatchedFile(path, 'the list of targets'), text: '', found: [] };
    this.#files.set(path, known);
    const text = known.file.read();
    if (text === known.text) return false;
    known.found = targetsOf(text);
    known.text = text;
    return true;
  }
}

/** Paths that a pattern with a star in its last part means. */
function matching(pattern: string, problems: string[]): string[] {
  if (!pattern.includes('*')) {
    if (existsSync(pattern)) return [pattern];
    problems.push(`${pattern} is not there`);
    return [];
  }
  const folder = dirname(pattern);
  try {
    const matches = matcher(basename(pattern));
    return readdirSync(folder)
      .filter(matches)
      .toSorted()
      .map((name) => join(folder, name));
  } catch (error) {
    if (errno(error) !== 'ENOENT') problems.push(`${folder}: ${describe(error)}`);
    return [];
  }
}

/** Targets of a file's text; JSON is YAML. Throws what is wrong with it. */
function targetsOf(text: string): Found[] {
  const parsed = groups.safeParse(parseYaml(text, { maxAliasCount: 100 }) ?? []);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new Error(`${issue?.path.join('.') || 'the list'}: ${issue?.message}`);
  }
  const found = parsed.data.flatMap(({ targets, labels }) => targets.map((target) => ({ target, labels: labels ?? {} })));
  if (found.length > TARGETS_MAX) throw new Error(`it has ${found.length} targets, more than ${TARGETS_MAX}`);
  return found;
}
