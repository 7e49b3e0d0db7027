/**
 * A connection as delivery sees one: a confirm channel of a link, which carries one batch at a time.
 *
 *   idle ──write──▶ writing ──all heard of──▶ idle
 *                      └── channel closed, signal aborted ──▶ over
 *
 * What is published goes to the connection as frames of our own (`frames.ts`), and confirms are read from the channel's own events by
 * delivery tag: both cost less than amqplib's way. Nothing is published while the broker asks to wait. What is buffered is bounded by the
 * window and `window_bytes`, because it is unconfirmed.
 */
import type { ConfirmChannel, Message as Returned } from 'amqplib';
import type { BrokerConnection, Message } from '../broker.ts';
import { describe, SinkError, type SinkErrorOptions } from '../errors.ts';
import { publishError, replyCode, sizeLimitIn, unroutableError } from './classify.ts';
import type { Link } from './link.ts';
import type { RabbitOptions } from './options.ts';
import { Outbox } from './outbox.ts';
import { isShort, type KeyOf, SHORT_BYTES_MAX } from './template.ts';
import { Transfer } from './transfer.ts';
import type { LaneWindow } from './window.ts';

export interface LaneParts {
  readonly options: RabbitOptions;
  readonly keyOf: KeyOf;
  windowOf(lane: number): LaneWindow;
  /** Called once, when the channel is no longer in use. */
  closed(): void;
}

/** What is in progress. */
interface Writing {
  readonly transfer: Transfer;
  /** Settles the call, once. */
  finish(error?: SinkError): void;
}

export class LaneChannel implements BrokerConnection {
  readonly #link: Link;
  readonly #channel: ConfirmChannel;
  readonly #parts: LaneParts;
  readonly #outbox: Outbox;
  #writing: Writing | undefined;
  #lastTag = 0;
  /** The channel takes nothing more: why. */
  #ended: unknown;
  #closed = false;
  #cancelResume: () => void = () => {};

  constructor(link: Link, channel: ConfirmChannel, parts: LaneParts) {
    this.#link = link;
    this.#channel = channel;
    this.#parts = parts;
    this.#outbox = new Outbox(channel, parts.options.exchange);
    channel.on('ack', ({ deliveryTag, multiple }) => this.#writing?.transfer.ack(deliveryTag, multiple));
    channel.on('nack', ({ deliveryTag, multiple }) => this.#writing?.transfer.nack(deliveryTag, multiple));
    channel.on('return', (returned: Returned) => this.#writing?.transfer.giveBack(returned));
    channel.on('error', (error) => {
      this.#ended ??= error;
    });
    channel.on('close', () => this.#channelClosed());
  }

  async write(batch: readonly Message[], signal: AbortSignal): Promise<void> {
    if (this.#writing) throw new Error('a batch is being written already');
    if (signal.aborted) throw this.#givenUp(signal, new Set());
    if (this.#ended !== undefined || this.#closed) throw this.#lost({});
    const [first] = batch;
    if (first === undefined) return;
    await new Promise<void>((resolve, reject) => {
      const abort = (): void => this.#giveUp(signal);
      const finish = (error?: SinkError): void => {
        signal.removeEventListener('abort', abort);
        this.#cancelResume();
        this.#lastTag = transfer.lastTag;
        this.#writing = undefined;
        if (error) reject(error);
        else resolve();
      };
      const transfer = this.#transfer(batch, this.#parts.windowOf(first.lane));
      this.#writing = { transfer, finish };
      signal.addEventListener('abort', abort, { once: true });
      transfer.pump();
    });
  }

  /** Lets go of the channel; what was being written is given up, as at a deadline. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    const writing = this.#writing;
    this.#letGo(writing?.transfer, new Error('closed while messages were unconfirmed'));
    writing?.finish(new SinkError('transient', 'the connection was closed', { confirmed: writing.transfer.outcome().confirmed }));
    this.#ended ??= new Error('the connection was closed');
    this.#parts.closed();
  }

  #transfer(batch: readonly Message[], window: LaneWindow): Transfer {
    const { options } = this.#parts;
    const transfer = new Transfer(
      batch,
      this.#lastTag,
      { window: () => window.size, bytes: options.window_bytes, passReturned: options.unroutable === 'dead_letter' },
      {
        ready: () => this.#ready(),
        publish: (message) => this.#publish(message),
        published: () => this.#outbox.flush(),
        confirmed: (count) => window.confirmed(count),
        refused: () => window.refused(),
        done: () => this.#done(transfer),
      },
    );
    return transfer;
  }

  /** False while the broker asks to wait, or the channel is gone; goes on by itself when it no longer does. */
  #ready(): boolean {
    if (this.#ended !== undefined) return false;
    if (this.#link.blocked === undefined) return true;
    this.#cancelResume();
    this.#cancelResume = this.#link.whenUnblocked(() => this.#writing?.transfer.pump());
    return false;
  }

  /** Publishes a message, or says why it never can be; false when the channel is gone. */
  #publish(message: Message): boolean | string {
    const { options, keyOf } = this.#parts;
    const size = message.body.length;
    const limit = Math.min(options.max_message_bytes, this.#link.sizeLimit);
    if (size > limit) {
      const whose = limit === options.max_message_bytes ? '`max_message_bytes`' : 'what the broker takes';
      return `the event ${message.id} has ${size} bytes, which is more than ${limit}, ${whose}`;
    }
    const key = keyOf(message);
    if (!isShort(key))
      return `the event ${message.id} has a routing key of more than ${SHORT_BYTES_MAX} bytes: ${key.slice(0, 80)}…`;
    const added = this.#outbox.add(message, key);
    if (added === false) this.#channelClosed();
    return added;
  }

  /** All that was sent has been heard of. */
  #done(transfer: Transfer): void {
    const writing = this.#writing;
    // One that was given up, and has something to say all the same.
    if (writing?.transfer !== transfer) return;
    if (writing.transfer.complete) {
      this.#outbox.arrived();
      return writing.finish();
    }
    const { exchange, vhost, unroutable } = this.#parts.options;
    const { confirmed, refused, returned, unfit } = writing.transfer.outcome();
    const place = { exchange, vhost };
    if (refused) {
      const what = `the broker refuses what is published to ${JSON.stringify(exchange)} (nack): a queue is full, or in trouble`;
      return writing.finish(new SinkError('transient', what, { confirmed }));
    }
    if (returned) {
      this.#link.checked = false;
      return writing.finish(unroutableError(place, returned.key, unroutable === 'dead_letter', { confirmed }));
    }
    writing.finish(new SinkError('rejected', unfit ?? 'an event cannot be sent', { confirmed }));
  }

  #channelClosed(): void {
    // Why a connection is lost is told after its channels have closed, in the same turn.
    queueMicrotask(() => {
      this.#ended ??= this.#link.cause ?? new Error('the channel was closed');
      const limit = sizeLimitIn(this.#ended);
      if (limit !== undefined) this.#link.sizeLimit = limit;
      if (replyCode(this.#ended) !== undefined) this.#link.checked = false;
      const writing = this.#writing;
      writing?.finish(this.#lost({ confirmed: writing.transfer.outcome().confirmed }));
    });
  }

  #lost(options: SinkErrorOptions): SinkError {
    const { exchange, vhost } = this.#parts.options;
    return publishError({ exchange, vhost }, this.#ended, options);
  }

  #giveUp(signal: AbortSignal): void {
    const writing = this.#writing;
    if (!writing) return;
    const error = this.#givenUp(signal, writing.transfer.outcome().confirmed);
    writing.transfer.stop();
    writing.finish(error);
    this.#ended ??= error;
    this.#letGo(writing.transfer, error);
  }

  #givenUp(signal: AbortSignal, confirmed: ReadonlySet<number>): SinkError {
    const why = describe(signal.reason);
    return new SinkError('transient', `the broker did not confirm in time: ${why}`, { cause: signal.reason, confirmed });
  }

  /** Ends the channel so that nothing of the call that was given up reaches the broker later. */
  #letGo(transfer: Transfer | undefined, why: Error): void {
    if (transfer && transfer.inFlight > 0) this.#link.retire(this.#channel, why);
    else this.#link.release(this.#channel);
  }
}
