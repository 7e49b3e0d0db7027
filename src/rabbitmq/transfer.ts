/**
 * One batch on its way over a confirm channel: published in order within the lane's window, told apart by delivery tags, done when each
 * message is confirmed, refused, returned, or will never be heard of.
 *
 *   waiting ──publish──▶ sent ──ack──▶ confirmed
 *      │                  ├──return──▶ given back ──ack──▶ returned
 *      └──▶ unfit         └── nack ──▶ refused
 *
 * Nothing more is published after a message that must come before it was refused. A message that can never be sent (too large, a key that
 * is too long) is passed over: it will be dead-lettered, so that nothing waits for it.
 */
import type { Message as Returned } from 'amqplib';
import type { Message } from '../broker.ts';
import { ID_HEADER } from './frames.ts';

/** A message begins as 0, waiting. In flight are SENT and GIVEN_BACK. */
const SENT = 1;
const GIVEN_BACK = 2;
const CONFIRMED = 3;
const REFUSED = 4;
const RETURNED = 5;
const UNFIT = 6;

/** Messages that are published in one turn of the event loop: sensors and other sinks must not wait for a whole window. */
const TURN_MAX = 128;

export interface TransferLimits {
  /** Unconfirmed messages; asked before each. */
  window(): number;
  /** Unconfirmed bytes. */
  readonly bytes: number;
  /** A returned message is dead-lettered, so that what follows need not wait for it. */
  readonly passReturned: boolean;
}

export interface TransferSteps {
  /** False while nothing may be published; then `pump` is called again when it may. */
  ready(): boolean;
  /** Publishes a message: true; the channel is gone: false; it never can be sent: why. */
  publish(message: Message): boolean | string;
  /** No more is published in this turn. */
  published(): void;
  /** So many more are confirmed. */
  confirmed(count: number): void;
  refused(): void;
  /** Every message that was sent has been heard of, and no other will be sent. */
  done(): void;
}

/** What became of a batch. */
export interface Outcome {
  /** Indices of the messages that the broker has taken. */
  readonly confirmed: ReadonlySet<number>;
  readonly refused: boolean;
  /** The first message that no queue took, with its routing key. */
  readonly returned: { readonly key: string } | undefined;
  /** Why the first of those that cannot be sent cannot. */
  readonly unfit: string | undefined;
}

export class Transfer {
  readonly #batch: readonly Message[];
  readonly #limits: TransferLimits;
  readonly #steps: TransferSteps;
  readonly #states: Uint8Array;
  /** Index of the message by its delivery tag, counted from the first of this batch. */
  readonly #indices: Uint32Array;
  readonly #firstTag: number;
  #sent = 0;
  /** All tags below this one, counted likewise, have been heard of. */
  #heard = 0;
  #next = 0;
  #inFlight = 0;
  #inFlightBytes = 0;
  #stopped = false;
  #pumping = false;
  #refused = false;
  #returned: { readonly key: string } | undefined;
  #unfit: string | undefined;

  /** `lastTag`: the delivery tag of what was published on the channel before. */
  constructor(batch: readonly Message[], lastTag: number, limits: TransferLimits, steps: TransferSteps) {
    this.#batch = batch;
    this.#firstTag = lastTag + 1;
    this.#limits = limits;
    this.#steps = steps;
    this.#states = new Uint8Array(batch.length);
    this.#indices = new Uint32Array(batch.length);
  }

  /** The delivery tag of what was published last. */
  get lastTag(): number {
    return this.#firstTag + this.#sent - 1;
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  /** Publishes what the window has room for. */
  pump(): void {
    const over = this.#publish();
    this.#steps.published();
    if (over && this.#inFlight === 0) this.#steps.done();
  }

  /** True when no more will be published. */
  #publish(): boolean {
    const { window, bytes } = this.#limits;
    const turnEnds = this.#sent + TURN_MAX;
    while (!this.#stopped && this.#next < this.#batch.length) {
      const message = this.#batch[this.#next] as Message;
      const size = message.body.length;
      if (this.#inFlight > 0 && (this.#inFlight >= window() || this.#inFlightBytes + size > bytes)) return false;
      if (this.#sent === turnEnds) {
        this.#pumpLater();
        return false;
      }
      if (!this.#steps.ready()) return false;
      const published = this.#steps.publish(message);
      if (published === false) {
        this.stop();
        return false;
      }
      const index = this.#next++;
      if (published !== true) {
        this.#states[index] = UNFIT;
        this.#unfit ??= published;
        continue;
      }
      this.#states[index] = SENT;
      this.#indices[this.#sent++] = index;
      this.#inFlight++;
      this.#inFlightBytes += size;
    }
    return true;
  }

  /** The broker has taken one message, or all up to it. */
  ack(tag: number, multiple: boolean): void {
    const before = this.#inFlight;
    this.#hear(tag, multiple, CONFIRMED);
    this.#steps.confirmed(before - this.#inFlight);
    this.pump();
  }

  nack(tag: number, multiple: boolean): void {
    this.#refused = true;
    this.#stopped = true;
    this.#steps.refused();
    this.#hear(tag, multiple, REFUSED);
    this.pump();
  }

  /** The broker gives a message back, and confirms it after that. */
  giveBack(returned: Returned): void {
    const id: unknown = returned.properties.headers?.[ID_HEADER];
    for (let at = this.#heard; at < this.#sent; at++) {
      const index = this.#indices[at] as number;
      if (this.#states[index] !== SENT || this.#batch[index]?.id !== id) continue;
      this.#states[index] = GIVEN_BACK;
      this.#returned ??= { key: returned.fields.routingKey };
      if (this.#limits.passReturned) return;
      this.#stopped = true;
      this.#steps.refused();
      return;
    }
  }

  /** Sends no more. */
  stop(): void {
    this.#stopped = true;
  }

  outcome(): Outcome {
    const confirmed = new Set<number>();
    for (const [index, state] of this.#states.entries()) if (state === CONFIRMED) confirmed.add(index);
    return { confirmed, refused: this.#refused, returned: this.#returned, unfit: this.#unfit };
  }

  /** True when the broker has taken all of it. */
  get complete(): boolean {
    return this.#next === this.#batch.length && !this.#refused && !this.#returned && this.#unfit === undefined;
  }

  #pumpLater(): void {
    if (this.#pumping) return;
    this.#pumping = true;
    setImmediate(() => {
      this.#pumping = false;
      this.pump();
    });
  }

  #hear(tag: number, multiple: boolean, as: number): void {
    const last = Math.min(tag - this.#firstTag, this.#sent - 1);
    for (let at = multiple ? this.#heard : Math.max(last, 0); at <= last; at++) this.#settle(this.#indices[at] as number, as);
    while (this.#heard < this.#sent && !this.#isInFlight(this.#indices[this.#heard] as number)) this.#heard++;
  }

  #settle(index: number, as: number): void {
    if (!this.#isInFlight(index)) return;
    this.#states[index] = this.#states[index] === GIVEN_BACK ? RETURNED : as;
    this.#inFlight--;
    this.#inFlightBytes -= this.#batch[index]?.body.length ?? 0;
  }

  #isInFlight(index: number): boolean {
    const state = this.#states[index];
    return state === SENT || state === GIVEN_BACK;
  }
}
