/**
 * What has arrived of one stream: the numbers that one run of one agent gave in one lane.
 *
 *   1 … base     not looked for: reading began later
 *   … highest    every number has arrived, or is a hole: lost with a reason, or unexplained
 *   … top        a loss speaks of numbers up to here: those that are not lost are awaited
 *
 * Nothing is final while the stream goes on: a hole may be filled by a backfill, a loss may be told late. Memory: one range for each
 * hole. Of more than `ranges` ranges the lower half is settled: judged as it stands, counted, and then forgotten.
 */
import type { Sequence } from './identity.ts';
import { type Loss, Losses } from './losses.ts';
import { type Range, RangeSet, sizeOfAll } from './ranges.ts';

/** Places (partitions, queues) of one stream whose order is judged apart; what arrives in further ones is judged together. */
const PLACES_MAX = 64;

export interface StreamOptions {
  /** start: the first number is 1. first: whatever arrives first is the first that is looked for. */
  readonly from: 'start' | 'first';
  /** The most ranges of numbers that are kept. */
  readonly ranges: number;
}

/** What a number meant when it arrived. */
export interface Arrived {
  /** This number has arrived before, or is in the part that is settled. */
  readonly repeat: boolean;
  /** Lower than one that has arrived before it in the same place, and neither a repeat nor sent as backfill. */
  readonly outOfOrder: boolean;
  /** The numbers that it skipped, if any. They may be explained, or still come. */
  readonly skipped: Range | undefined;
}

/** What is known of one stream, as of now or, when it is over, for good. */
export interface StreamReport {
  readonly agent: string;
  readonly run: string;
  readonly lane: number;
  /** The highest number that has arrived; 0 when none has. */
  readonly highest: number;
  /** Different numbers that have arrived. */
  readonly arrived: number;
  /** Arrivals of a number that had arrived before. Normal where a broker's answer was lost. */
  readonly repeats: number;
  /** Numbers that arrived after a higher one, and were not marked as backfill. */
  readonly outOfOrder: number;
  /** Numbers that were marked as backfill, and those of them that came after a higher one so marked. */
  readonly backfilled: number;
  readonly backfilledOutOfOrder: number;
  /** Numbers that arrived after those of a newer run in the same lane, and were not marked as backfill. */
  readonly afterNewerRun: number;
  /** Numbers before the first one that was read, when reading did not begin at the start. */
  readonly before: number;
  /** Numbers that will not come, by the reason that the sink gave. */
  readonly lost: Readonly<Record<string, number>>;
  /** Numbers below the highest that have not arrived and that no loss explains. */
  readonly unexplained: number;
  /** The same as ranges; those that are settled are no longer among them. */
  readonly holes: readonly Range[];
  /** Numbers above the highest that a loss speaks of without calling them lost: they exist, and have not arrived. */
  readonly awaited: number;
  /** Up to here the stream is settled: it had more holes than are kept. 0 when it never had. */
  readonly settled: number;
  /** Where it arrived: partitions, queues, files. */
  readonly places: readonly string[];
}

interface Place {
  highest: number;
  backfill: number;
}

export class Stream {
  readonly #agent: string;
  readonly #sequence: Pick<Sequence, 'run' | 'lane'>;
  readonly #options: StreamOptions;
  readonly #seen = new RangeSet();
  readonly #losses: Losses;
  readonly #places = new Map<string, Place>();
  readonly #count = { arrived: 0, repeats: 0, outOfOrder: 0, backfilled: 0, backfilledOutOfOrder: 0, afterNewerRun: 0 };
  #lowest = Number.POSITIVE_INFINITY;
  #lowestLost = Number.POSITIVE_INFINITY;
  /** What became of the settled part. */
  readonly #settled = { to: 0, unexplained: 0, lost: new Map<string, number>() };

  constructor(agent: string, sequence: Pick<Sequence, 'run' | 'lane'>, options: StreamOptions) {
    this.#agent = agent;
    this.#sequence = sequence;
    this.#options = options;
    this.#losses = new Losses(options.ranges);
  }

  /** Whether any of its numbers has arrived in this place. */
  knows(place: string): boolean {
    return this.#places.has(place);
  }

  /** Takes a number in. */
  add(n: number, place: string, backfill: boolean): Arrived {
    const { highest } = this.#seen;
    if (!this.#seen.add(n)) {
      this.#count.repeats++;
      return { repeat: true, outOfOrder: false, skipped: undefined };
    }
    this.#count.arrived++;
    // Where reading began is known once the first has arrived; what was before it is not skipped.
    const known = highest > 0 || this.#options.from === 'start';
    this.#lowest = Math.min(this.#lowest, n);
    const outOfOrder = this.#order(n, place, backfill);
    const skipped = known && n > highest + 1 ? { first: highest + 1, last: n - 1 } : undefined;
    if (this.#seen.ranges > this.#options.ranges) this.#settle();
    return { repeat: false, outOfOrder, skipped };
  }

  /** Counts the last one as having come after a newer run's. */
  late(): void {
    this.#count.afterNewerRun++;
  }

  /** Takes in what a sink tells of this stream. */
  lose(loss: Loss): void {
    if (loss.last !== undefined) this.#lowestLost = Math.min(this.#lowestLost, loss.first);
    this.#losses.add(loss, () => this.#missing());
  }

  /** How much of a range of missing numbers nothing explains so far. */
  unexplainedOf(range: Range): number {
    return sizeOfAll(this.#losses.explain([range], this.#seen.highest).unexplained);
  }

  /** `over`: nothing more will come, so that what is awaited is missing. */
  report(over: boolean): StreamReport {
    const { highest } = this.#seen;
    const { lost, unexplained } = this.#losses.explain(this.#missing(), highest);
    for (const [reason, events] of this.#settled.lost) lost.set(reason, (lost.get(reason) ?? 0) + events);
    const holes = over ? unexplained : unexplained.filter(({ first }) => first <= highest).map((hole) => upTo(hole, highest));
    return {
      agent: this.#agent,
      ...this.#sequence,
      highest,
      ...this.#count,
      before: this.#base,
      lost: Object.fromEntries(lost),
      unexplained: this.#settled.unexplained + sizeOfAll(holes),
      holes,
      awaited: sizeOfAll(unexplained) - sizeOfAll(holes),
      settled: this.#settled.to,
      places: [...this.#places.keys()],
    };
  }

  get #base(): number {
    if (this.#options.from === 'start') return 0;
    const lowest = this.#lowest === Number.POSITIVE_INFINITY ? this.#lowestLost : this.#lowest;
    return lowest === Number.POSITIVE_INFINITY ? 0 : lowest - 1;
  }

  /** The holes, and what is above the highest arrival up to where a loss speaks of. */
  #missing(): Range[] {
    const top = Math.max(this.#seen.highest, this.#losses.highest);
    return this.#seen.split([{ first: this.#base + 1, last: top }]).outside;
  }

  /** Whether a new number is out of order in its place. */
  #order(n: number, name: string, backfill: boolean): boolean {
    const key = this.#places.has(name) || this.#places.size < PLACES_MAX ? name : '';
    let place = this.#places.get(key);
    if (!place) this.#places.set(key, (place = { highest: 0, backfill: 0 }));
    const lower = n < place.highest;
    place.highest = Math.max(place.highest, n);
    if (backfill) {
      this.#count.backfilled++;
      if (n < place.backfill) this.#count.backfilledOutOfOrder++;
      place.backfill = Math.max(place.backfill, n);
      return false;
    }
    if (lower) this.#count.outOfOrder++;
    return lower;
  }

  #settle(): void {
    const { highest } = this.#seen;
    const half = [...this.#seen].slice(0, Math.ceil(this.#seen.ranges / 2));
    const to = half.at(-1)?.last ?? 0;
    const holes = this.#seen.split([{ first: this.#base + 1, last: to }]).outside;
    const { lost, unexplained } = this.#losses.explain(holes, highest, true);
    for (const [reason, events] of lost) this.#settled.lost.set(reason, (this.#settled.lost.get(reason) ?? 0) + events);
    this.#settled.unexplained += sizeOfAll(unexplained);
    this.#settled.to = to;
    this.#seen.addRange(this.#base + 1, to);
  }
}

const upTo = (hole: Range, highest: number): Range => (hole.last <= highest ? hole : { first: hole.first, last: highest });
