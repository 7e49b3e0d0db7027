/**
 * Maps of labels. Whether a name is twice in a sequence of names is found out once for each sequence: series of one metric have the same.
 */
import type { LabelMap } from '../event.ts';

/** Sequences that are remembered, each at the place its hash gives it. */
const SLOTS = 1024;
/** Sequences up to this length are. */
const KEYS_MAX = 32;
/** The one name that decoders of maps refuse. */
const PROTO = '__proto__';

export class Shapes {
  readonly #slots: (readonly string[] | undefined)[] = Array.from({ length: SLOTS }, () => undefined);
  #last: readonly string[] = [];

  /** The map of these names and values, or undefined when a name is there twice. */
  map(keys: readonly string[], texts: readonly string[]): LabelMap | undefined {
    if (!same(this.#last, keys) && !this.#known(keys)) return undefined;
    const map: Record<string, string> = {};
    for (let i = 0; i < keys.length; i++) {
      const key = keys[i] as string;
      map[key === PROTO ? '_proto_' : key] = texts[i] as string;
    }
    return map;
  }

  #known(keys: readonly string[]): boolean {
    const { length } = keys;
    if (length > KEYS_MAX) return distinct(keys);
    let hash = length;
    for (const key of keys)
      hash = Math.imul(hash ^ (key.charCodeAt(0) + key.length * 256 + key.charCodeAt(key.length - 1) * 8), 0x01000193);
    const slot = (hash ^ (hash >>> 15)) & (SLOTS - 1);
    const known = this.#slots[slot];
    if (known === undefined || !same(known, keys)) {
      if (!distinct(keys)) return false;
      this.#slots[slot] = keys.slice();
    }
    this.#last = this.#slots[slot] as readonly string[];
    return true;
  }
}

function same(a: readonly string[], b: readonly string[]): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

const distinct = (keys: readonly string[]): boolean => new Set(keys).size === keys.length;
