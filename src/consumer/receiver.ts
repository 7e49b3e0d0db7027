/**
 * What a consumer does with tidegate's messages: decode, leave repeats out, notice what is missing.
 *
 *   message ── decode ──▶ bad: `onBad`, and on with the next
 *              │
 *              ├─ loss ──▶ `onLoss`
 *              └─ event ─▶ seen before: left out ── else ──▶ the handler ──▶ remembered, once the handler is done
 *
 * Calls are handled one after the other, in their order, so that a repeat that comes while its event is being handled is known as one.
 * An event counts as received when its handler has resolved. When it rejects, the error goes to the caller, and the event is new when the
 * client delivers it again. Numbers that were skipped are looked at again after `patience`: those that neither came nor were explained
 * meanwhile go to `onGap`, each once. Nothing runs by itself: gaps are looked for while messages come, or when `check` is called.
 *
 * Limits: those of `Deduplicator` and `StreamChecker`, and `WATCHED_MAX` skipped ranges that wait for their patience.
 */

import { type Clock, systemClock } from '../clock.ts';
import { DecodeError } from '../codec/decode.ts';
import type { DecodedEvent } from '../codec/format.ts';
import { LOSS_TYPE } from '../delivery/loss.ts';
import { StreamChecker } from './checker.ts';
import { Deduplicator } from './deduplicator.ts';
import { parseSequence, type Sequence } from './identity.ts';
import type { Loss } from './losses.ts';
import { arrivalOf, type Envelope, eventOf } from './message.ts';
import { type Range, RangeSet, sizeOfAll } from './ranges.ts';
import type { StreamReport } from './stream.ts';

/** Numbers of a stream that did not come, and that nothing explains. */
export interface Gap {
  readonly agent: string;
  readonly run: string;
  readonly lane: number;
  /** How many. */
  readonly events: number;
  readonly ranges: readonly Range[];
}

/** An event, and what its message says of it. */
export interface ReceivedEvent {
  readonly event: DecodedEvent;
  /** Its place in what the sink accepted; undefined when the message has none. */
  readonly sequence: Sequence | undefined;
  /** It was sent from a spool, beside newer ones. */
  readonly backfill: boolean;
  readonly message: Envelope;
}

export interface ReceiverOptions {
  /** Takes a gap that has lasted for `patience`. It may still be filled, or explained. */
  readonly onGap?: ((gap: Gap) => void) | undefined;
  /** Takes what a sink says that it lost, and why; twice, when it says so twice. */
  readonly onLoss?: ((loss: Loss & { readonly agent: string }) => void) | undefined;
  /** Takes a message that is no event of tidegate's. Without it such messages are left out in silence. */
  readonly onBad?: ((error: DecodeError, message: Envelope) => void) | undefined;
  /** How long a skipped number may take to come or to be explained, in milliseconds; 60,000 without it. */
  readonly patience?: number | undefined;
  /** Memory for repeats: see `Deduplicator`. */
  readonly repeats?: { readonly sources?: number; readonly ranges?: number } | undefined;
  /** Memory for gaps: see `StreamChecker`. */
  readonly gaps?: { readonly streams?: number; readonly ranges?: number; readonly from?: 'start' | 'first' } | undefined;
  readonly clock?: Pick<Clock, 'monotonic'> | undefined;
}

const PATIENCE_MS = 60_000;
/** Skipped ranges that wait to be looked at; the oldest are looked at early when there are more. */
const WATCHED_MAX = 10_000;

interface Watched extends Range {
  readonly agent: string;
  readonly sequence: Pick<Sequence, 'run' | 'lane'>;
  readonly since: number;
}

export class Receiver {
  readonly #options: ReceiverOptions;
  readonly #clock: Pick<Clock, 'monotonic'>;
  readonly #repeats: Deduplicator;
  #checker: StreamChecker;
  #watched: Watched[] = [];
  /** The call before. It never rejects. */
  #last: Promise<void> = Promise.resolve();
  readonly #count = { events: 0, repeats: 0, losses: 0, bad: 0 };

  constructor(options: ReceiverOptions = {}) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#repeats = new Deduplicator(options.repeats);
    this.#checker = this.#newChecker();
  }

  /** Messages so far: events that were handled, repeats that were left out, losses told, messages that are none of these. */
  get counts(): Readonly<{ events: number; repeats: number; losses: number; bad: number }> {
    return { ...this.#count };
  }

  /** Handles one message. Resolves when it needs to be handled no more: acknowledge it, or commit its offset, then. */
  async receive(message: Envelope, handle: (received: ReceivedEvent) => unknown): Promise<void> {
    await this.receiveAll([message], async ([received]) => {
      if (received) await handle(received);
    });
  }

  /** Handles messages together: the handler is called once, with the events that are new, or not at all when there is none. */
  async receiveAll(messages: readonly Envelope[], handle: (received: readonly ReceivedEvent[]) => unknown): Promise<void> {
    const received = this.#last.then(async () => await this.#receiveAll(messages, handle));
    this.#last = received.catch(() => {});
    await received;
  }

  async #receiveAll(messages: readonly Envelope[], handle: (received: readonly ReceivedEvent[]) => unknown): Promise<void> {
    const readable: { readonly message: Envelope; readonly event: DecodedEvent; readonly fresh: boolean }[] = [];
    const here = new Set<string>();
    for (const message of messages) {
      const event = this.#decode(message);
      if (!event) continue;
      const fresh = event.type !== LOSS_TYPE && !here.has(event.id) && !this.#repeats.has(event.id);
      here.add(event.id);
      readable.push({ message, event, fresh });
    }
    const received = readable.filter(({ fresh }) => fresh).map(({ message, event }) => receivedOf(message, event));
    if (received.length > 0) await handle(received);
    for (const { message, event, fresh } of readable) this.#settle(message, event, fresh);
    this.check();
  }

  /** Looks for gaps that have lasted long enough, and tells of them. */
  check(): void {
    const due = this.#clock.monotonic() - (this.#options.patience ?? PATIENCE_MS);
    const ready = this.#watched.findIndex(({ since }) => since > due);
    const count = Math.max(ready < 0 ? this.#watched.length : ready, this.#watched.length - WATCHED_MAX);
    if (count > 0) this.#judge(this.#watched.splice(0, count));
  }

  /** What is known of every stream, as of now. */
  report(): StreamReport[] {
    return this.#checker.report();
  }

  /**
   * Begins anew with looking for gaps, because other messages than before will come: call it when a group has rebalanced. What has
   * arrived is still known, so that repeats are left out.
   */
  rebalanced(): void {
    this.#checker = this.#newChecker();
    this.#watched = [];
  }

  #newChecker(): StreamChecker {
    return new StreamChecker({ from: 'first', ...this.#options.gaps });
  }

  /** The event in a message; undefined when there is none, which has been told then. */
  #decode(message: Envelope): DecodedEvent | undefined {
    try {
      const event = eventOf(message);
      arrivalOf(message, event);
      if (message.seq !== undefined) parseSequence(message.seq);
      return event;
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      this.#count.bad++;
      this.#options.onBad?.(error, message);
      return undefined;
    }
  }

  #settle(message: Envelope, event: DecodedEvent, fresh: boolean): void {
    const arrival = arrivalOf(message, event);
    for (const loss of arrival.losses ?? []) this.#options.onLoss?.({ agent: arrival.agent, ...loss });
    if (event.type === LOSS_TYPE) this.#count.losses++;
    else if (fresh) this.#count.events++;
    else this.#count.repeats++;
    if (event.type !== LOSS_TYPE) this.#repeats.add(event.id);
    const { skipped } = this.#checker.feed(arrival);
    if (!skipped || message.seq === undefined || !this.#options.onGap) return;
    this.#watched.push({
      ...skipped,
      agent: arrival.agent,
      sequence: parseSequence(message.seq),
      since: this.#clock.monotonic(),
    });
  }

  /** Tells which of these skipped numbers are missing still. */
  #judge(watched: readonly Watched[]): void {
    const streams = Map.groupBy(watched, ({ agent, sequence: { run, lane } }) => `${agent}/${run}/${lane}`);
    for (const ranges of streams.values()) {
      const [{ agent, sequence }] = ranges as [Watched];
      const { run, lane } = sequence;
      const holes = new RangeSet();
      for (const { first, last } of this.#checker.reportOf(agent, run, lane)?.holes ?? []) holes.addRange(first, last);
      const missing = ranges.flatMap((range) => holes.split([range]).inside);
      if (missing.length > 0) this.#options.onGap?.({ agent, run, lane, events: sizeOfAll(missing), ranges: missing });
    }
  }
}

const receivedOf = (message: Envelope, event: DecodedEvent): ReceivedEvent => ({
  event,
  sequence: message.seq === undefined ? undefined : parseSequence(message.seq),
  backfill: message.backfill,
  message,
});
