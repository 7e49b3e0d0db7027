/**
 * Reads a queue of RabbitMQ without consuming it: messages are taken unacknowledged, and go back to their places when the connection ends,
 * marked as redelivered. With `drain` they are acknowledged, and gone.
 *
 * It reads what was in the queue when it began. Messages that other consumers hold, or take meanwhile, do not come: then it ends when
 * none has come for a while.
 */
import type { Channel, ChannelModel, ConsumeMessage } from 'amqplib';
import { systemClock } from '../clock.ts';
import { fromAmqp } from '../consumer/clients.ts';
import { withDeadline } from '../deadline.ts';
import { describe, SinkError, UsageError } from '../errors.ts';
import { abandon } from '../rabbitmq/amqp.ts';
import { replyCode } from '../rabbitmq/classify.ts';
import { Dialer } from '../rabbitmq/dial.ts';
import { options as rabbitOptions } from '../rabbitmq/options.ts';
import { EXIT_NO_INPUT, EXIT_UNAVAILABLE, EXIT_USAGE, type Reading } from './reading.ts';

/** How long a call may take, and how long none may come before the rest is taken for gone, in milliseconds. */
const CALL_MS = 10_000;
const IDLE_MS = 5000;
/** Messages that are acknowledged together. */
const ACK_EVERY = 1000;
const NOT_FOUND = 404;

export interface RabbitReadingOptions {
  readonly drain: boolean;
  readonly login?: { readonly user: string; readonly password_file: string } | undefined;
  readonly tls?: { readonly ca?: string; readonly cert?: string; readonly key?: string } | undefined;
}

/** Connects and looks at the queue. Throws `UsageError`. */
export async function openRabbitmq(
  { url, queue }: { readonly url: string; readonly queue: string },
  { drain, login, tls }: RabbitReadingOptions,
): Promise<Reading> {
  const model = await dial(new URL(url), queue, login, tls);
  // Without listeners an error ends the process; what it means is told by the call that fails.
  let failure: unknown;
  model.on('error', (error) => (failure ??= error));
  const close = async (): Promise<void> => {
    await limited('closing', async () => await model.close()).catch(() => {});
    abandon(model, new Error('closed'));
  };
  try {
    const channel = await limited('opening a channel', async () => await model.createChannel());
    channel.on('error', (error) => (failure ??= error));
    const { messageCount, consumerCount } = await limited('looking at the queue', async () => await channel.checkQueue(queue));
    const remarks = remarksOf(consumerCount, drain);
    return {
      what: `rabbitmq queue ${queue}`,
      total: messageCount,
      unit: 'messages',
      from: 'start',
      async read(take, progress, signal) {
        if (messageCount === 0) return;
        const reader = new Reader(model, channel, queue, { take, progress, drain });
        const came = await reader.read(messageCount, signal).catch((error: unknown) => {
          throw unreadable(queue, failure ?? error);
        });
        if (came < messageCount && !signal.aborted) {
          remarks.push(`${messageCount - came} of the ${messageCount} messages did not come: another consumer has or had them.`);
        }
      },
      remarks: () => remarks,
      close,
    };
  } catch (error) {
    await close();
    throw error instanceof UsageError ? error : unreadable(queue, failure ?? error);
  }
}

function remarksOf(consumers: number, drain: boolean): string[] {
  const remarks = [
    drain
      ? 'What was read has been taken out of the queue (--drain).'
      : 'What was read is back in the queue, marked as redelivered; where a queue has a delivery limit, that counts as one delivery.',
  ];
  if (consumers > 0) remarks.push(`The queue has ${consumers} other consumers: what they take is missing here.`);
  return remarks;
}

async function dial(
  url: URL,
  queue: string,
  login: RabbitReadingOptions['login'],
  tls: RabbitReadingOptions['tls'],
): Promise<ChannelModel> {
  const secure = url.protocol === 'amqps:' || tls !== undefined;
  const given = {
    user: decodeURIComponent(url.username) || 'guest',
    password: decodeURIComponent(url.password) || (url.username ? undefined : 'guest'),
  };
  if (!login && given.password === undefined) {
    throw new UsageError(`there is no password for ${given.user}: give --username and --password-file`, EXIT_USAGE);
  }
  const parsed = rabbitOptions.safeParse({
    hosts: [url.host],
    vhost: decodeURIComponent(url.pathname.slice(1)) || '/',
    queue,
    ...(login ?? given),
    ...(secure && { tls: tls ?? {} }),
  });
  if (!parsed.success) throw new UsageError(parsed.error.issues.map(({ message }) => message).join('; '), EXIT_USAGE);
  try {
    return await new Dialer(parsed.data, systemClock, 'tidegate verify').open(new AbortController().signal);
  } catch (error) {
    const remedy =
      error instanceof SinkError && error.code === 'misconfigured'
        ? 'here: in the URL, or --username, --password-file, --ca'
        : 'is a broker running there, and does it listen on this port?';
    throw new UsageError(`${describe(error)}; ${remedy}`, EXIT_UNAVAILABLE);
  }
}

function unreadable(queue: string, error: unknown): UsageError {
  if (replyCode(error) === NOT_FOUND) {
    return new UsageError(`there is no queue ${queue} in this virtual host: ${describe(error)}`, EXIT_NO_INPUT);
  }
  return new UsageError(`the queue ${queue} cannot be read: ${describe(error)}`, EXIT_UNAVAILABLE);
}

const limited = async <T>(what: string, work: () => Promise<T>): Promise<T> =>
  await withDeadline(systemClock, CALL_MS, what, work);

interface Into {
  readonly take: Parameters<Reading['read']>[0];
  readonly progress: Parameters<Reading['read']>[1];
  readonly drain: boolean;
}

/** Consumes one queue up to a number of messages. */
class Reader {
  readonly #model: ChannelModel;
  readonly #channel: Channel;
  readonly #queue: string;
  readonly #into: Into;
  #came = 0;
  #unacknowledged: ConsumeMessage | undefined;

  constructor(model: ChannelModel, channel: Channel, queue: string, into: Into) {
    this.#model = model;
    this.#channel = channel;
    this.#queue = queue;
    this.#into = into;
  }

  /** Resolves with how many came: all, or fewer when no more come, or the signal aborts. */
  async read(total: number, signal: AbortSignal): Promise<number> {
    const channel = this.#channel;
    let cancelIdle = (): void => {};
    const ended = new Promise<void>((resolve, reject) => {
      const idle = (): void => {
        cancelIdle();
        cancelIdle = systemClock.after(IDLE_MS, resolve);
      };
      this.#model.once('close', () => reject(new Error('the broker closed the connection')));
      channel.once('close', () => reject(new Error('the broker closed the channel')));
      signal.addEventListener('abort', () => resolve(), { once: true });
      const deliver = (message: ConsumeMessage | null): void => {
        if (!message) return reject(new Error('the queue was deleted'));
        if (this.#came >= total || signal.aborted) return;
        idle();
        this.#take(message);
        if (this.#came >= total) resolve();
      };
      idle();
      limited('consuming', async () => await channel.consume(this.#queue, deliver, { noAck: false })).catch(reject);
    });
    try {
      await ended;
    } finally {
      cancelIdle();
    }
    if (this.#unacknowledged) channel.ack(this.#unacknowledged, true);
    // Answered after all that was acknowledged before; what was not goes back to the queue.
    await limited('closing the channel', async () => await channel.close());
    return this.#came;
  }

  #take(message: ConsumeMessage): void {
    const { take, progress, drain } = this.#into;
    take(fromAmqp(message, this.#queue));
    progress(++this.#came);
    if (!drain) return;
    this.#unacknowledged = message;
    if (this.#came % ACK_EVERY !== 0) return;
    this.#channel.ack(message, true);
    this.#unacknowledged = undefined;
  }
}
