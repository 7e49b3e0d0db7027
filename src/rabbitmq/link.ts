/**
 * One AMQP connection and the confirm channels on it.
 *
 *   open ──▶ blocked ──▶ open …        the broker has an alarm, and reads nothing more of this connection
 *     └─────────┴──▶ over              by the broker, the network, the heartbeat, or `drop`
 *
 * A channel whose call was given up goes in one of two ways, so that nothing of that call reaches the broker after what comes next. When all
 * of it has left this process and the connection serves others, the channel alone is closed, and `settled` waits for the broker's word that
 * it is done with it. Else the socket is reset, which takes along what the kernel holds, and all that were on it begin anew.
 */
import type { ChannelModel, ConfirmChannel } from 'amqplib';
import type { Clock } from '../clock.ts';
import { abandon, destroySocket, hasUnsent } from './amqp.ts';

/** The most that a channel or a connection waits for the broker to agree to its end, in milliseconds. */
const CLOSE_MS = 1000;

export interface LinkEvents {
  /** The broker asks to wait, and why; undefined when it no longer does, or when the connection is over. */
  blocked(reason: string | undefined): void;
  over(): void;
}

export class Link {
  readonly #model: ChannelModel;
  readonly #clock: Clock;
  readonly #events: LinkEvents;
  readonly #channels = new Set<ConfirmChannel>();
  readonly #retiring = new Set<Promise<void>>();
  readonly #waiting = new Set<() => void>();
  #blocked: string | undefined;
  #cause: Error | undefined;
  #over = false;
  /** Largest message that the broker takes, learnt when it refused one, in bytes. */
  sizeLimit = Number.POSITIVE_INFINITY;
  /** What the sink needs has been seen to exist. */
  checked = false;

  constructor(model: ChannelModel, clock: Clock, events: LinkEvents) {
    this.#model = model;
    this.#clock = clock;
    this.#events = events;
    model.on('error', (error) => {
      this.#cause ??= error;
    });
    model.on('close', (error) => this.#ended(error));
    model.on('blocked', (reason) => this.#setBlocked(reason === '' ? 'it gives no reason' : reason));
    model.on('unblocked', () => this.#setBlocked(undefined));
  }

  get over(): boolean {
    return this.#over;
  }

  /** Why the connection is over, as far as it is known. */
  get cause(): Error | undefined {
    return this.#cause;
  }

  /** Why the broker does not read, or undefined. */
  get blocked(): string | undefined {
    return this.#blocked;
  }

  get model(): ChannelModel {
    return this.#model;
  }

  /** A channel in confirm mode, with a listener for its errors. */
  async openChannel(): Promise<ConfirmChannel> {
    const channel = await this.#model.createConfirmChannel();
    // An error is followed by `close`, where it is dealt with; without a listener it would end the process.
    channel.on('error', () => {});
    if (this.#over) throw this.#cause ?? new Error('the connection was lost');
    this.#channels.add(channel);
    channel.on('close', () => this.#channels.delete(channel));
    return channel;
  }

  /** Calls `resume` once when the broker reads again, or the connection is over. Returns what cancels that. */
  whenUnblocked(resume: () => void): () => void {
    this.#waiting.add(resume);
    return () => this.#waiting.delete(resume);
  }

  /** Ends a channel that nothing is in flight on. */
  release(channel: ConfirmChannel): void {
    if (this.#channels.has(channel)) channel.close().catch(() => {});
  }

  /** Ends a channel whose call was given up. Nothing that is still on its way reaches the broker after `settled` has resolved. */
  retire(channel: ConfirmChannel, why: Error): void {
    if (!this.#channels.has(channel)) return;
    const alone = this.#channels.size === 1;
    if (alone || this.#blocked !== undefined || hasUnsent(this.#model, channel)) return this.drop(why);
    const done = new Promise<void>((resolve) => {
      const cancel = this.#clock.after(CLOSE_MS, () => this.drop(why));
      channel.once('close', () => {
        cancel();
        resolve();
      });
    });
    this.#retiring.add(done);
    void done.finally(() => this.#retiring.delete(done));
    channel.close().catch(() => {});
  }

  /** Resolves once the broker is done with every channel whose call was given up. */
  async settled(): Promise<void> {
    await Promise.all(this.#retiring);
  }

  /** Ends the connection at once. */
  drop(why: Error): void {
    if (this.#over) return;
    this.#cause ??= why;
    abandon(this.#model, why);
  }

  /** Ends the connection as AMQP wants it, and at once when the broker does not answer. */
  async close(): Promise<void> {
    if (this.#over) return;
    await new Promise<void>((resolve) => {
      const cancel = this.#clock.after(CLOSE_MS, () => this.drop(new Error('closed')));
      this.#model.once('close', () => {
        cancel();
        resolve();
      });
      this.#model.close().catch(() => this.drop(new Error('closed')));
    });
  }

  #ended(error: Error | undefined): void {
    if (this.#over) return;
    this.#over = true;
    this.#cause ??= error;
    destroySocket(this.#model);
    this.#setBlocked(undefined);
    this.#events.over();
  }

  #setBlocked(reason: string | undefined): void {
    if (this.#blocked !== reason) {
      this.#blocked = reason;
      this.#events.blocked(reason);
    }
    if (reason !== undefined) return;
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const resume of waiting) resume();
  }
}
