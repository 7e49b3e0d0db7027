/** Which files are watched: paths and patterns, and the folders that must be looked into for them. */
import { dirname } from 'node:path';
import picomatch from 'picomatch';
import type { FilesOptions } from './options.ts';

interface Selector {
  readonly given: string;
  /** The folder in which to begin. */
  readonly base: string;
  selects(path: string): boolean;
  /** Whether there may be files that it selects in the folder. */
  enters(folder: string): boolean;
}

export class Selection {
  /** Folders in which to begin. */
  readonly bases: readonly string[];
  readonly #selectors: readonly Selector[];
  readonly #exclude: (path: string) => boolean;

  constructor(paths: readonly string[], { recursive, exclude }: Pick<FilesOptions, 'recursive' | 'exclude'>) {
    this.#selectors = paths.map((path) => (picomatch.scan(path).isGlob ? pattern(path) : plain(path, recursive)));
    this.#exclude = exclude ?? (() => false);
    this.bases = [...new Set(this.#selectors.map(({ base }) => base))];
  }

  /** Which of the given paths a file is of, or undefined. */
  watchOf(path: string): string | undefined {
    if (this.#exclude(path)) return undefined;
    return this.#selectors.find((selector) => selector.selects(path))?.given;
  }

  enters(folder: string): boolean {
    return !this.#exclude(folder) && this.#selectors.some((selector) => selector.enters(folder));
  }
}

/** A file, or a folder and what is in it: which of the two is seen when it is there, so that it may come later, or again. */
function plain(given: string, recursive: boolean): Selector {
  const path = given.length > 1 ? given.replace(/\/+$/, '') : given;
  const below = `${path}/`;
  return {
    given,
    base: dirname(path),
    selects: (one) => one === path || (one.startsWith(below) && (recursive || !one.includes('/', below.length))),
    enters: (folder) => folder === path || (recursive && folder.startsWith(below)),
  };
}

function pattern(given: string): Selector {
  const { base } = picomatch.scan(given);
  const matches = picomatch(given, { dot: true });
  const depthOf = (path: string): number => path.split('/').length;
  const deepest = given.includes('**') ? Number.POSITIVE_INFINITY : depthOf(given);
  const below = base === '/' ? '/' : `${base}/`;
  return {
    given,
    base: base === '' ? '/' : base,
    selects: matches,
    enters: (folder) => folder.startsWith(below) && depthOf(folder) < deepest,
  };
}
