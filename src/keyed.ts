/**
 * Numbers by key, out of files with one key and one number a line: `/proc/meminfo`, `/proc/vmstat`.
 *
 * A kernel writes the same keys on the same lines as long as it runs. So the line of each key is learned once; later reads
 * compare the keys of those lines alone, which makes no string, and learn anew when one is not where it was or the number of
 * lines is another.
 */
import { Row, type Text } from './text.ts';

interface Slot<K extends string> {
  readonly name: K;
  /** The first word of its line. */
  readonly key: string;
}

export class KeyedNumbers<K extends string> {
  readonly #slots = new Map<string, Slot<K>>();
  readonly #names: readonly K[];
  readonly #values: Record<K, number | undefined>;
  /** What each line holds; undefined is a line that nobody asked for. */
  #lines: (Slot<K> | undefined)[] = [];

  /** Which key is wanted under which name: the first word of its line, as it is written. The numbers of several keys are added up. */
  constructor(keys: Readonly<Record<K, string | readonly string[]>>) {
    this.#names = Object.keys(keys) as K[];
    this.#values = {} as Record<K, number | undefined>;
    for (const name of this.#names) for (const key of [keys[name]].flat()) this.#slots.set(key, { name, key });
  }

  /**
   * The numbers of this text by name, in an object that the next read overwrites; undefined where it has no such key. Of a key
   * that is there twice, the first. Throws `Malformed` when what follows a wanted key is not a number.
   */
  read(text: Text): Readonly<Record<K, number | undefined>> {
    if (!this.#readLearned(text)) {
      this.#learn(text);
      this.#readLearned(text);
    }
    return this.#values;
  }

  #learn(text: Text): void {
    const seen = new Set<Slot<K>>();
    this.#lines = [];
    for (const row of text.rows()) {
      const slot = row.count > 0 ? this.#slots.get(row.text(0)) : undefined;
      this.#lines.push(slot === undefined || seen.has(slot) ? undefined : slot);
      if (slot !== undefined) seen.add(slot);
    }
  }

  /** False when the text is not laid out as it was learned. */
  #readLearned(text: Text): boolean {
    for (const name of this.#names) this.#values[name] = undefined;
    const row = new Row(text);
    let line = 0;
    for (; row.next(); line++) {
      const slot = this.#lines[line];
      if (slot === undefined) continue;
      if (!row.is(0, slot.key)) return false;
      this.#values[slot.name] = (this.#values[slot.name] ?? 0) + row.number(1);
    }
    return line === this.#lines.length;
  }
}
