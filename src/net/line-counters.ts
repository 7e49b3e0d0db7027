/** The counters of `/proc/net/snmp6`: a name, blanks and a number a line, about a hundred of them, of which some are wanted. */
import { Row, type Text } from '../text.ts';

export class LineCounters {
  readonly #wanted: ReadonlySet<string>;
  readonly #values = new Map<string, number>();
  /** By line: the name, where it is wanted. A line may come, once the kernel has something to count on it. */
  #names: (string | undefined)[] = [];

  constructor(wanted: Iterable<string>) {
    this.#wanted = new Set(wanted);
  }

  /** Takes the numbers of this text, or of none. Throws `Malformed`. */
  read(text: Text | undefined): void {
    if (text && this.#take(text)) return;
    this.#names = [];
    for (const row of text?.rows() ?? []) {
      const name = row.count === 0 ? '' : row.text(0);
      this.#names.push(this.#wanted.has(name) ? name : undefined);
    }
    if (!text || !this.#take(text)) this.#values.clear();
  }

  get(name: string): number | undefined {
    return this.#values.get(name);
  }

  /** False when the lines are not those of `#names`. */
  #take(text: Text): boolean {
    const row = new Row(text);
    this.#values.clear();
    for (const name of this.#names) {
      if (!row.next()) return false;
      if (name === undefined) continue;
      if (!row.is(0, name)) return false;
      this.#values.set(name, row.number(1));
    }
    return !row.next();
  }
}
