/**
 * A configuration file with all that it includes, as one tree.
 *
 * What a file says itself goes before what it includes, and a later file before an earlier one. Mappings merge; sensors and sinks
 * add up, and the same name in two files is a mistake. A file is read once, however often it is included; a cycle is a mistake.
 */
import { globSync, statSync } from 'node:fs';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { LineCounter } from 'yaml';
import { realPath } from '../real-path.ts';
import { isMapping, keyPlaceAt, placeAt, put, slotOf } from './located.ts';
import type { Findings, Place } from './mistake.ts';
import { type ReadResult, readText } from './read-file.ts';
import { parseTree, type TreeContext } from './tree.ts';

const FILE_BYTES_MAX = 2 ** 20;
const SECRET_BYTES_MAX = 64 * 2 ** 10;
const FILES_MAX = 256;
/** Sections whose members have names of their own, and belong to one file each. */
const NAMED = ['sensors', 'sinks'];

export interface LoadedFiles {
  readonly root: Record<string, unknown>;
  /** Where the whole is, for what has no place of its own. */
  readonly place: Place | string;
  /** Absolute paths of all files that were read. */
  readonly files: readonly string[];
  /** Whether every file could be read and understood, so that what is missing is really missing. */
  readonly complete: boolean;
}

export type FileContext = Omit<TreeContext, 'outside'> & { readonly env: NodeJS.ProcessEnv };

/** Reads a file and what it includes. Mistakes go to the findings; what could be read is returned. */
export function loadFiles(path: string, context: FileContext): LoadedFiles {
  const loader = new Loader(context);
  const root = loader.load(path, path, undefined);
  return {
    root: root ?? {},
    place: loader.first ?? path,
    files: loader.files,
    complete: loader.complete,
  };
}

class Loader {
  readonly files: string[] = [];
  /** The beginning of the first file. */
  first: Place | undefined;
  complete = true;
  readonly #context: FileContext;
  readonly #findings: Findings;
  /** The files that we are within, from the first. */
  readonly #stack: string[] = [];

  constructor(context: FileContext) {
    this.#context = context;
    this.#findings = context.findings;
  }

  /** `shown` is the path as mistakes name it, `from` the place that includes it. */
  load(path: string, shown: string, from: Place | string | undefined): Record<string, unknown> | undefined {
    const read = readText(path, FILE_BYTES_MAX);
    if ('problem' in read)
      return this.#fail(
        from ?? shown,
        from === undefined ? this.#problem(shown, read.problem) : `the file ${shown} ${read.problem}`,
      );
    const file = realPath(path);
    if (this.#stack.includes(file)) return this.#fail(from ?? shown, `${shown} includes itself`, this.#cycle(file));
    if (this.files.includes(file)) return undefined;
    if (this.files.length >= FILES_MAX) return this.#fail(from ?? shown, `more than ${FILES_MAX} files are included`);
    this.files.push(file);
    this.#findings.file(shown);
    this.#stack.push(file);
    const result = this.#parse(dirname(resolve(path)), shown, read.text, from === undefined);
    this.#stack.pop();
    return result;
  }

  #parse(folder: string, shown: string, text: string, main: boolean): Record<string, unknown> | undefined {
    const outside = { env: this.#context.env, read: (path: string) => readSecret(folder, path) };
    const source = { file: shown, text, lines: new LineCounter() };
    const root = parseTree(source, { ...this.#context, outside });
    const place = { source, start: 0, end: 0 };
    if (main) this.first = place;
    if (root === undefined) return this.#fail(undefined);
    if (root === null && main)
      return this.#fail(shown, 'the file is empty', 'tidegate init writes a configuration to begin with');
    if (root === null) return undefined;
    if (!isMapping(root))
      return this.#fail(place, 'the file must begin with options, such as "sensors:"', this.#missingSpace(root));
    const included = this.#includes(root, folder, dirname(shown), place);
    delete root['include'];
    let merged: Record<string, unknown> = {};
    for (const other of [...included, root]) merged = this.#merge(merged, other, []);
    return merged;
  }

  /** What a file includes, in order. */
  #includes(root: Record<string, unknown>, folder: string, shownFolder: string, place: Place): Record<string, unknown>[] {
    const { include } = root;
    if (include === undefined || include === null) return [];
    const patterns = Array.isArray(include) ? include : [include];
    const result: Record<string, unknown>[] = [];
    for (const [i, pattern] of patterns.entries()) {
      const from = placeAt(root, Array.isArray(include) ? ['include', i] : ['include'], place);
      if (typeof pattern !== 'string' || pattern === '') {
        this.#fail(from, 'include: expected a path or a pattern', 'write include: ["conf.d/*.yaml"]');
        continue;
      }
      for (const path of this.#matches(pattern, folder)) {
        const loaded = this.load(resolve(folder, path), isAbsolute(path) ? path : join(shownFolder, path), from);
        if (loaded) result.push(loaded);
      }
    }
    return result;
  }

  /** The files of a pattern, sorted; folders and the including file itself are not meant. */
  #matches(pattern: string, folder: string): string[] {
    if (!/[*?[{]/.test(pattern)) return [pattern];
    const matches = globSync(pattern, { cwd: folder }).toSorted();
    return matches.filter((match) => {
      const path = resolve(folder, match);
      return realPath(path) !== this.#stack.at(-1) && statSync(path, { throwIfNoEntry: false })?.isDirectory() !== true;
    });
  }

  #merge(into: Record<string, unknown>, from: Record<string, unknown>, path: readonly string[]): Record<string, unknown> {
    const result: Record<string, unknown> = {};
    for (const source of [into, from]) {
      for (const [key, value] of Object.entries(source)) {
        const before = result[key];
        const named = path.length === 1 && NAMED.includes(path[0] as string);
        if (named && Object.hasOwn(result, key)) this.#twice(into, from, key, path[0] as string);
        else if (isMapping(before) && isMapping(value))
          put(result, key, this.#merge(before, value, [...path, key]), slotOf(from, key));
        else if (!(isMapping(before) && value === null)) put(result, key, value, slotOf(source, key));
      }
    }
    return result;
  }

  #twice(first: Record<string, unknown>, second: Record<string, unknown>, name: string, section: string): void {
    const there = keyPlaceAt(first, [name], '');
    const where = typeof there === 'string' ? there : `${there.source.file}:${there.source.lines.linePos(there.start).line}`;
    const here = keyPlaceAt(second, [name], '');
    this.#findings.mistake(here, `the ${section.slice(0, -1)} "${name}" is also in ${where}`, 'rename one of them, or remove it');
  }

  #problem(shown: string, problem: string): string {
    return problem === 'is not there' ? `there is no file ${shown}` : `the file ${problem}`;
  }

  #cycle(file: string): string {
    return `by way of ${[...this.#stack.slice(this.#stack.indexOf(file)), file].join(' → ')}`;
  }

  /** `cpu:{}` without a blank is a text in YAML. */
  #missingSpace(root: unknown): string | undefined {
    return typeof root === 'string' && root.includes(':') ? 'write a blank after the ":"' : undefined;
  }

  #fail(where: Place | string | undefined, what = '', hint?: string): undefined {
    this.complete = false;
    if (where !== undefined) this.#findings.mistake(where, what, hint);
    return undefined;
  }
}

function readSecret(folder: string, path: string): ReadResult {
  return readText(resolve(folder, path), SECRET_BYTES_MAX);
}
