/**
 * Says whether what arrives is everything that was sent, in its order: by the numbers that sinks stamp (`tidegate-seq`) and the losses
 * that they tell of. Online it knows at any time what is missing as of now; at the end of a recording, what is missing for good.
 *
 * State: one `Stream` for each agent, run and lane. Limits: `streams` of them, each with `ranges` holes; beyond, the stream that was
 * silent for longest is retired: reported one last time, and forgotten.
 *
 * What cannot be seen from here: numbers above the highest that arrived and that no loss speaks of. A sink that dies with its disk
 * leaves no trace of what it took last.
 */
import { parseSequence } from './identity.ts';
import type { Loss } from './losses.ts';
import { type Arrived, Stream, type StreamReport } from './stream.ts';

/** What of a message counts here. */
export interface Arrival {
  /** The agent that sent it: the first part of its id. */
  readonly agent: string;
  /** The header `tidegate-seq`, `run/lane/n`; undefined when there is none, as with losses. */
  readonly seq: string | undefined;
  /** The header `tidegate-backfill`. */
  readonly backfill?: boolean | undefined;
  /** What it tells of losses; see `lossesOf`. */
  readonly losses?: readonly Loss[] | undefined;
  /** Where it was read, when order holds only there: topic and partition, queue. */
  readonly place?: string | undefined;
}

export interface CheckerOptions {
  /** start (default): the first number of every stream is 1. first: reading began somewhere, and what was before is not missing. */
  readonly from?: 'start' | 'first' | undefined;
  /** The most streams that are kept, 20,000 without it. */
  readonly streams?: number | undefined;
  /** The most ranges of numbers that are kept of a stream, and of losses, 10,000 without it. */
  readonly ranges?: number | undefined;
  /** Takes the last report of a stream that is retired. */
  readonly onRetired?: ((report: StreamReport) => void) | undefined;
}

const STREAMS = 20_000;
const RANGES = 10_000;
/** Fewer make no sense: settling halves them. */
const RANGES_MIN = 4;

/** What an arrival meant; without a number, only losses count. */
export interface Judgement extends Arrived {
  /** A stream's number that came after a newer run's in the same lane and place, and was not marked as backfill. */
  readonly afterNewerRun: boolean;
}

const NOTHING: Judgement = { repeat: false, outOfOrder: false, skipped: undefined, afterNewerRun: false };

export class StreamChecker {
  readonly #options: CheckerOptions;
  /** The stream that was silent for longest comes first. */
  readonly #streams = new Map<string, Stream>();
  /** The run that is being read, by agent, lane and place. */
  readonly #runs = new Map<string, string>();
  #retired = 0;

  constructor(options: CheckerOptions = {}) {
    this.#options = options;
  }

  /** How many streams are known. */
  get streams(): number {
    return this.#streams.size;
  }

  /** How many have been retired, because there were more than are kept. */
  get retired(): number {
    return this.#retired;
  }

  /** Takes a message in. Throws `DecodeError` when its sequence is none. */
  feed({ agent, seq, backfill = false, losses, place = '' }: Arrival): Judgement {
    for (const loss of losses ?? []) this.#stream(agent, loss.run, loss.lane).lose(loss);
    if (seq === undefined) return NOTHING;
    const { run, lane, n } = parseSequence(seq);
    const stream = this.#stream(agent, run, lane);
    const known = stream.knows(place);
    const arrived = stream.add(n, place, backfill);
    const afterNewerRun = !(arrived.repeat || backfill) && this.#follows(`${agent}/${lane}/${place}`, run, known);
    if (afterNewerRun) stream.late();
    return { ...arrived, afterNewerRun };
  }

  /** What is known of every stream. With `over` nothing more will come: what is still awaited is missing then. */
  report({ over = false }: { readonly over?: boolean } = {}): StreamReport[] {
    return [...this.#streams.values()].map((stream) => stream.report(over));
  }

  /** What is known of one stream; undefined when nothing is. */
  reportOf(agent: string, run: string, lane: number, over = false): StreamReport | undefined {
    return this.#streams.get(keyOf(agent, run, lane))?.report(over);
  }

  #stream(agent: string, run: string, lane: number): Stream {
    const key = keyOf(agent, run, lane);
    let stream = this.#streams.get(key);
    if (stream) this.#streams.delete(key);
    else {
      const { from = 'start', ranges = RANGES } = this.#options;
      stream = new Stream(agent, { run, lane }, { from, ranges: Math.max(RANGES_MIN, ranges) });
    }
    this.#streams.set(key, stream);
    if (this.#streams.size > (this.#options.streams ?? STREAMS)) this.#retire();
    return stream;
  }

  /** Runs follow one another within a lane: once a newer one has begun, an older one that was read before must not go on. */
  #follows(key: string, run: string, known: boolean): boolean {
    const current = this.#runs.get(key);
    if (current === run) return false;
    if (current !== undefined && known) return true;
    this.#runs.delete(key);
    this.#runs.set(key, run);
    const [oldest] = this.#runs.keys();
    if (oldest !== undefined && this.#runs.size > (this.#options.streams ?? STREAMS)) this.#runs.delete(oldest);
    return false;
  }

  #retire(): void {
    const [oldest] = this.#streams;
    if (!oldest) return;
    this.#streams.delete(oldest[0]);
    this.#retired++;
    this.#options.onRetired?.(oldest[1].report(false));
  }
}

const keyOf = (agent: string, run: string, lane: number): string => `${agent}/${run}/${lane}`;
