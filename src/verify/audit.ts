/**
 * Judges what is read, message by message: what is no event, what repeats, what is out of order, what is missing and why.
 *
 *   by sequence   messages of a broker: a sink numbers what it accepts in each lane, so that nothing may be missing but what it says
 *   by id         files: a sensor numbers its events, of which a sink may take some, so that a missing number may never have been meant
 *
 * Memory is bounded: streams and ranges have limits (`StreamChecker`, `Deduplicator`), and of what is wrong a few examples are kept.
 */
import { DecodeError } from '../codec/decode.ts';
import type { DecodedEvent } from '../codec/format.ts';
import { StreamChecker } from '../consumer/checker.ts';
import { Deduplicator } from '../consumer/deduplicator.ts';
import { parseId } from '../consumer/identity.ts';
import { arrivalOf, type Envelope, eventOf } from '../consumer/message.ts';
import { Stream, type StreamReport } from '../consumer/stream.ts';
import { LOSS_TYPE } from '../delivery/loss.ts';

/** Examples that are kept of what is wrong. */
const EXAMPLES_MAX = 5;
/** Sensors of one run that are judged apart, when judging by id; events of more are counted, not judged. */
const SENSORS_MAX = 50_000;
const RANGES = 100_000;

export interface Examples {
  readonly count: number;
  readonly examples: readonly string[];
}

/** A stream as it is judged: of a lane, or of a sensor. */
export interface AuditedStream extends Omit<StreamReport, 'lane'> {
  readonly lane?: number;
  readonly sensor?: string;
}

export interface AuditResult {
  /** Messages that hold an event, repeats among them. */
  readonly events: number;
  /** Events that have arrived before. */
  readonly repeats: number;
  /** Messages that tell of losses. */
  readonly notices: number;
  /** Events without a sequence where there should be one. */
  readonly unnumbered: number;
  /** Messages that are none of tidegate's. */
  readonly foreign: Examples;
  /** Messages of tidegate's that cannot be read, or contradict themselves. */
  readonly broken: Examples;
  /** Different events with one number: two sinks that share a name of agent, run and lane. */
  readonly conflicts: Examples;
  /** Streams beyond the limit, of which only the counts above tell. */
  readonly retired: number;
  readonly streams: readonly AuditedStream[];
}

class Counted {
  count = 0;
  readonly examples: string[] = [];

  add(example: string): void {
    if (++this.count <= EXAMPLES_MAX) this.examples.push(example);
  }
}

export interface AuditOptions {
  readonly by: 'sequence' | 'id';
  readonly from: 'start' | 'first';
}

export class Audit {
  readonly #options: AuditOptions;
  readonly #checker: StreamChecker;
  readonly #sensors = new Map<string, Stream>();
  readonly #repeats = new Deduplicator({ sources: SENSORS_MAX, ranges: RANGES });
  readonly #count = { events: 0, repeats: 0, notices: 0, unnumbered: 0, unjudged: 0 };
  readonly #foreign = new Counted();
  readonly #broken = new Counted();
  readonly #conflicts = new Counted();
  #messages = 0;

  constructor(options: AuditOptions) {
    this.#options = options;
    this.#checker = new StreamChecker({ from: options.from, ranges: RANGES });
  }

  /** How many messages have been taken. */
  get messages(): number {
    return this.#messages;
  }

  take(message: Envelope): void {
    this.#messages++;
    let event: DecodedEvent | undefined;
    try {
      event = eventOf(message);
      if (message.id !== undefined && message.id !== event.id) {
        throw new DecodeError(`the header says that its id is ${message.id}, the event ${event.id}`);
      }
      parseId(event.id);
      if (this.#options.by === 'sequence') this.#bySequence(message, event);
      else this.#byId(event);
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      this.#refuse(message, error);
    }
  }

  #bySequence(message: Envelope, event: DecodedEvent): void {
    const { repeat } = this.#checker.feed(arrivalOf(message, event));
    if (event.type === LOSS_TYPE) {
      this.#count.notices++;
      return;
    }
    this.#count.events++;
    const again = !this.#repeats.add(event.id);
    if (again) this.#count.repeats++;
    if (message.seq === undefined) this.#count.unnumbered++;
    else if (repeat && !again && !this.#repeats.forgotten) {
      this.#conflicts.add(`${message.seq} was another event before, and is ${event.id} in ${message.place}`);
    }
  }

  #byId(event: DecodedEvent): void {
    const { agent, run, sensor, n } = parseId(event.id);
    const key = `${agent}/${run}/${sensor}`;
    let stream = this.#sensors.get(key);
    if (!stream && this.#sensors.size < SENSORS_MAX) {
      stream = new Stream(agent, { run, lane: 0 }, { from: this.#options.from, ranges: RANGES });
      this.#sensors.set(key, stream);
    }
    this.#count.events++;
    if (!stream) this.#count.unjudged++;
    // Files are read one after the other, as if they were one.
    else if (stream.add(n, '', false).repeat) this.#count.repeats++;
  }

  /** Counts a message that is no event. Its number has arrived all the same, so that it is not missing too. */
  #refuse(message: Envelope, error: DecodeError): void {
    const example = `${message.place}: ${error.message}`;
    const ours = message.seq !== undefined || message.type === LOSS_TYPE;
    if (!ours && this.#options.by === 'sequence') return this.#foreign.add(example);
    this.#broken.add(example);
    if (message.seq === undefined || message.id === undefined) return;
    try {
      this.#checker.feed({
        agent: parseId(message.id).agent,
        seq: message.seq,
        backfill: message.backfill,
        place: message.place,
      });
    } catch (wrong) {
      if (!(wrong instanceof DecodeError)) throw wrong;
    }
  }

  /** `over`: nothing more will come, so that what is still awaited is missing. */
  result(over: boolean): AuditResult {
    const streams: AuditedStream[] =
      this.#options.by === 'sequence'
        ? this.#checker.report({ over })
        : [...this.#sensors].map(([key, stream]) => {
            const { lane: _, ...report } = stream.report(over);
            return { ...report, sensor: key.slice(key.lastIndexOf('/') + 1) };
          });
    const { unjudged, ...count } = this.#count;
    return {
      ...count,
      foreign: this.#foreign,
      broken: this.#broken,
      conflicts: this.#conflicts,
      retired: this.#checker.retired + unjudged,
      streams: streams.toSorted(
        (a, b) =>
          compare(a.agent, b.agent) ||
          compare(a.run, b.run) ||
          compare(a.sensor ?? '', b.sensor ?? '') ||
          (a.lane ?? 0) - (b.lane ?? 0),
      ),
    };
  }
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
