import { COUNTER, COUNTERS, type Process } from './process.ts';
import { RowCells } from './row-cells.ts';

/** The members of a group and their sum. */
export class Group {
  readonly name: string;
  readonly cells: RowCells;
  /** It stays when it is empty. */
  readonly lasting: boolean;
  members: Process[] = [];
  /** The last sample at which it had a member. */
  filled = 0;
  /** NaN while no member's could be read. */
  readonly #sums = new Float64Array(COUNTERS).fill(Number.NaN);
  readonly counters = new Float64Array(COUNTERS).fill(Number.NaN);

  constructor(name: string, lasting: boolean) {
    this.name = name;
    this.cells = new RowCells([name]);
    this.lasting = lasting;
    this.#sums.fill(0, 0, COUNTER.readBytes);
    this.counters.fill(0, 0, COUNTER.readBytes);
  }

  add(counter: number, growth: number): void {
    const sum = this.#sums[counter] as number;
    this.#sums[counter] = Number.isNaN(sum) ? growth : sum + growth;
  }

  /** Shows what was added. */
  show(): void {
    for (let i = 0; i < COUNTERS; i++) {
      const [shown, sum] = [this.counters[i] as number, this.#sums[i] as number];
      this.counters[i] = shown >= sum ? shown : sum;
    }
  }
}
