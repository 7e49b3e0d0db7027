/**
 * The counters of `/proc/net/snmp` and `/proc/net/netstat`: pairs of lines, the first with names, the second with numbers, both
 * behind the protocol (`Tcp: ActiveOpens …`, `Tcp: 83 …`). The names and their order differ from kernel to kernel.
 */
import { Row, type Text } from '../text.ts';

/** A pair of lines: its line of names, and where the wanted numbers are. */
interface Pair {
  readonly names: Buffer;
  readonly protocol: string;
  readonly count: number;
  /** Column and place among the wanted, by turns. */
  readonly columns: readonly number[];
}

export class HeadedCounters {
  readonly #places: ReadonlyMap<string, number>;
  readonly #values: (number | undefined)[];
  /** By line of names; they are the same at every read. */
  readonly #pairs: Pair[] = [];

  /** `wanted` are names behind their protocols: `Tcp:ActiveOpens`. */
  constructor(wanted: Iterable<string>) {
    this.#places = new Map([...wanted].map((name, place) => [name, place]));
    this.#values = Array.from(this.#places, () => undefined);
  }

  /** Takes the numbers of this text, or of none. Throws `Malformed` when a line of names is not followed by as many numbers. */
  read(text: Text | undefined): void {
    this.#values.fill(undefined);
    if (!text) return;
    let pair: Pair | undefined;
    let number = 0;
    const row = new Row(text);
    while (row.next()) {
      if (row.start === row.end) continue;
      if (pair) {
        this.#take(pair, row);
        pair = undefined;
      } else pair = this.#pairOf(text, row, number++);
    }
    if (pair) throw row.malformed(`no numbers behind the names of ${pair.protocol}`);
  }

  /** The number of that name, or undefined when the kernel does not count it. */
  get(name: string): number | undefined {
    const place = this.#places.get(name);
    return place === undefined ? undefined : this.#values[place];
  }

  #pairOf(text: Text, row: Row, number: number): Pair {
    const known = this.#pairs[number];
    if (known && text.buffer.compare(known.names, 0, known.names.length, row.start, row.end) === 0) return known;
    const protocol = row.text(0);
    const columns: number[] = [];
    for (let column = 1; column < row.count; column++) {
      const place = this.#places.get(`${protocol}${row.text(column)}`);
      if (place !== undefined) columns.push(column, place);
    }
    const pair = { names: Buffer.from(text.buffer.subarray(row.start, row.end)), protocol, count: row.count, columns };
    this.#pairs[number] = pair;
    return pair;
  }

  #take({ protocol, count, columns }: Pair, row: Row): void {
    if (!row.is(0, protocol)) throw row.malformed(`not the numbers of ${protocol}`);
    if (row.count !== count) throw row.malformed(`${row.count - 1} numbers for ${count - 1} names`);
    for (let i = 0; i < columns.length; i += 2) this.#values[columns[i + 1] as number] = row.number(columns[i] as number);
  }
}
