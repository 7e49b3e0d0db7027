/**
 * Targets from files, as Prometheus' `file_sd_configs`: JSON or YAML, a list of `{ targets: [host:port], labels: { … } }`.
 *
 * A file that is wrong changes nothing: its targets of before stay, and what is wrong with it is said. One that is gone has no targets.
 */
import { existsSync, readdirSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { parse as parseYaml } from 'yaml';
import * as z from 'zod';
import type { Clock } from '../clock.ts';
import { describe, errno } from '../errors.ts';
import { matcher } from '../options.ts';
import { type Found, repeated, type Source } from './discovery.ts';
import { WatchedFile } from './files.ts';
import type { FileSdOptions } from './options.ts';

/** Targets of one file. */
const TARGETS_MAX = 100_000;

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
  #stop: () => void = () => {};

  constructor(options: FileSdOptions, clock: Clock) {
    this.#options = options;
    this.#clock = clock;
  }

  async start(changed: (found: readonly Found[]) => void): Promise<void> {
    const look = async (): Promise<void> => {
      if (this.#look()) changed([...this.#files.values()].flatMap(({ found }) => found));
      await Promise.resolve();
    };
    this.#stop = repeated(this.#options.refresh, (ms, fn) => this.#clock.after(ms, fn), look);
    await look();
  }

  stop(): void {
    this.#stop();
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
