/**
 * Which places of a lane's log hold an entry: those from `head` to `end`, but for the holes.
 *
 *   settled │ held … hole … held │ not given yet
 *          head                 end
 *
 * Places are given in order and emptied mostly in order; a hole is what was emptied behind an entry that is in flight, and goes when
 * `head` reaches it.
 */

export interface Span {
  readonly from: number;
  /** Not included. */
  readonly to: number;
}

export class Positions {
  #head: number;
  #end: number;
  /** In order, neither empty nor touching. */
  #holes: Span[];
  #holed: number;

  constructor(head = 0, end = 0, holes: readonly Span[] = []) {
    this.#head = head;
    this.#end = end;
    this.#holes = [...holes];
    this.#holed = holes.reduce((sum, { from, to }) => sum + to - from, 0);
  }

  get head(): number {
    return this.#head;
  }

  get end(): number {
    return this.#end;
  }

  get holes(): readonly Span[] {
    return this.#holes;
  }

  /** How many places are held. */
  get count(): number {
    return this.#end - this.#head - this.#holed;
  }

  /** Gives the next place. */
  give(): number {
    return this.#end++;
  }

  /** How many places from `from` to `to` are held. */
  held(from: number, to: number): number {
    let count = Math.max(0, Math.min(to, this.#end) - Math.max(from, this.#head));
    for (const hole of this.#holes) count -= Math.max(0, Math.min(to, hole.to) - Math.max(from, hole.from));
    return count;
  }

  /** The held places among those of a span. */
  heldSpans(span: Span): Span[] {
    const spans: Span[] = [];
    const to = Math.min(span.to, this.#end);
    let from = Math.max(span.from, this.#head);
    for (const hole of this.#holes) {
      if (hole.to <= from || hole.from >= to) continue;
      if (hole.from > from) spans.push({ from, to: hole.from });
      from = hole.to;
    }
    if (from < to) spans.push({ from, to });
    return spans;
  }

  /** Empties places, all of which are held. */
  empty({ from, to }: Span): void {
    if (from > this.#head) return this.#dig(from, to);
    this.#head = to;
    const first = this.#holes[0];
    if (first?.from !== to) return;
    this.#head = first.to;
    this.#holed -= first.to - first.from;
    this.#holes.shift();
  }

  #dig(from: number, to: number): void {
    this.#holed += to - from;
    const after = this.#holes.findIndex((hole) => hole.from >= to);
    const at = after === -1 ? this.#holes.length : after;
    const [before, next] = [this.#holes[at - 1], this.#holes[at]];
    const [joinsBefore, joinsNext] = [before?.to === from, next?.from === to];
    const hole = { from: joinsBefore ? (before as Span).from : from, to: joinsNext ? (next as Span).to : to };
    this.#holes.splice(at - (joinsBefore ? 1 : 0), (joinsBefore ? 1 : 0) + (joinsNext ? 1 : 0), hole);
  }
}

/** Consecutive numbers as spans. The numbers ascend. */
export function spansOf(numbers: Iterable<number>): Span[] {
  const spans: { from: number; to: number }[] = [];
  for (const number of numbers) {
    const last = spans.at(-1);
    if (last?.to === number) last.to++;
    else spans.push({ from: number, to: number + 1 });
  }
  return spans;
}
