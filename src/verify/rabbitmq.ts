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
import type { Envelope } from '../consumer/message.ts';
import { withDeadline } from '../deadline.ts';
import { describe, SinkError, UsageError } from '../errors.ts';
import { abandon, destroySocket } from '../rabbitmq/amqp.ts';
import { replyCode } from '../rabbitmq/classify.ts';
import { Dialer } from '../rabbitmq/dial.ts';
import { options as rabbitOptions } from '../rabbitmq/options.ts';
import { EXIT_NO_INPUT, EXIT_UNAVAILABLE, EXIT_USAGE, type Reading } from './reading.ts';

/** How long a call may take, and how long none may come before the rest is taken for gone, in milliseconds. */
const CALL_MS = 10_000;
const IDLE_MS = 5000;
/** Messages that are acknowledged together. */
const ACK_EVERY = 1000;
/** The most that a prefetch can say; without one a quorum queue stops at 2000. */
const WINDOW_MAX = 65_535;
/** How often RabbitMQ 4 lets a message of a quorum queue come back before it throws it away, unless the queue says otherwise; 3 has no limit. */
const DELIVERY_LIMIT = 20;
const DELIVERIES = 'x-delivery-count';
const CONSUMER = { consumerTag: 'tidegate verify', noAck: false } as const;
const NOT_FOUND = 404;

export interface RabbitReadingOptions {
  readonly drain: boolean;
  /** Messages that one consumer holds unacknowledged; as many as AMQP allows without it. */
  readonly window?: number;
  /** How often a message may come back before the broker throws it away; the broker's own default without it. */
  readonly deliveryLimit?: number | undefined;
  readonly login?: { readonly user: string; readonly password_file: string } | undefined;
  readonly tls?: { readonly ca?: string; readonly cert?: string; readonly key?: string } | undefined;
}

/** Connects and looks at the queue. Throws `UsageError`. */
export async function openRabbitmq(
  { url, queue }: { readonly url: string; readonly queue: string },
  { drain, login, tls, window = WINDOW_MAX, deliveryLimit }: RabbitReadingOptions,
): Promise<Reading> {
  const model = await dial(new URL(url), queue, login, tls);
  const limit = drain ? Number.POSITIVE_INFINITY : (deliveryLimit ?? limitOf(model));
  // Without listeners an error ends the process; what it means is told by the call that fails.
  let failure: unknown;
  model.on('error', (error) => (failure ??= error));
  let reader: Reader | undefined;
  const close = async (): Promise<void> => {
    try {
      await reader?.release();
      await limited('closing', async () => await model.close());
      // Not `abandon`: a socket that is being ended and is reset then keeps Node from ending.
      destroySocket(model);
    } catch {
      abandon(model, new Error('closed'));
    }
  };
  try {
    const channel = await limited('opening a channel', async () => await model.createChannel());
    channel.on('error', (error) => (failure ??= error));
    const { messageCount, consumerCount } = await limited('looking at the queue', async () => await channel.checkQueue(queue));
    const remarks = remarksOf(consumerCount, drain);
    let whole = true;
    return {
      what: `rabbitmq queue ${queue}`,
      total: messageCount,
      unit: 'messages',
      from: 'start',
      async read(take, progress, signal) {
        if (messageCount === 0) return;
        reader = new Reader(model, queue, { take, progress, drain, window, limit });
        const came = await reader.read(messageCount, signal).catch((error: unknown) => {
          throw error instanceof UsageError ? error : unreadable(queue, failure ?? error);
        });
        if (came < messageCount && !signal.aborted) {
          whole = false;
          remarks.push(`${messageCount - came} of the ${messageCount} messages did not come: another consumer has or had them.`);
        }
      },
      remarks: () => remarks,
      whole: () => whole,
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
    queue_name: queue,
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

function limitOf(model: ChannelModel): number {
  const version = (model.connection as unknown as { serverProperties: { version?: string } }).serverProperties.version ?? '';
  return Number.parseInt(version, 10) >= 4 ? DELIVERY_LIMIT : Number.POSITIVE_INFINITY;
}

/** Why a message is not to be read, or undefined: half of what the limit allows is left to those who consume the queue. */
function refusal(message: ConsumeMessage, queue: string, limit: number): UsageError | undefined {
  const times = Number(message.properties.headers?.[DELIVERIES] ?? 0);
  if (times < limit / 2) return undefined;
  const remedy = 'read it with --drain, or say with --delivery-limit what the queue allows';
  return new UsageError(
    `the queue ${queue} is not read: a message of it came back ${times} times, after ${limit} times the broker throws it away; ${remedy}`,
    EXIT_UNAVAILABLE,
  );
}

const limited = async <T>(what: string, work: () => Promise<T>): Promise<T> =>
  await withDeadline(systemClock, CALL_MS, what, work);

interface Into {
  readonly take: Parameters<Reading['read']>[0];
  readonly progress: Parameters<Reading['read']>[1];
  readonly drain: boolean;
  readonly window: number;
  readonly limit: number;
}

/**
 * Consumes one queue up to a number of messages. A consumer is given so many that it has not acknowledged and no more; another one on a
 * channel of its own is then given those that follow.
 */
class Reader {
  readonly #model: ChannelModel;
  readonly #queue: string;
  readonly #into: Into;
  readonly #lost: Promise<never>;
  /** Channels with what they hold, the first messages first. */
  readonly #holding: Channel[] = [];
  #came = 0;

  constructor(model: ChannelModel, queue: string, into: Into) {
    this.#model = model;
    this.#queue = queue;
    this.#into = into;
    this.#lost = new Promise((_, reject) => model.once('close', () => reject(new Error('the broker closed the connection'))));
    this.#lost.catch(() => {});
  }

  /** Resolves with how many came: all, or fewer when no more come, or the signal aborts. */
  async read(total: number, signal: AbortSignal): Promise<number> {
    const { drain, window } = this.#into;
    let before = -1;
    while (this.#came < total && this.#came > before && !signal.aborted) {
      before = this.#came;
      const most = drain ? total - before : Math.min(window, total - before);
      await Promise.race([this.#consume(most, signal), this.#lost]);
    }
    return this.#came;
  }

  /** Gives back what is held. A quorum queue puts it behind what was given back before, so this goes by the order of the queue. */
  async release(): Promise<void> {
    await limited('giving back', async () => {
      for (const channel of this.#holding) await channel.cancel(CONSUMER.consumerTag);
      for (const channel of this.#holding) await channel.close();
    });
  }

  /** Takes up to so many messages over a channel, which stays open with what it holds unless it is acknowledged. */
  async #consume(most: number, signal: AbortSignal): Promise<void> {
    const channel = await limited('opening a channel', async () => await this.#model.createChannel());
    if (!this.#into.drain) this.#holding.push(channel);
    let failure: unknown;
    channel.on('error', (error) => (failure ??= error));
    await limited('limiting', async () => await channel.prefetch(this.#into.window));
    const window = new Window(channel, this.#into, most);
    let cancelIdle = (): void => {};
    try {
      await new Promise<void>((resolve, reject) => {
        const idle = (): void => {
          cancelIdle();
          cancelIdle = systemClock.after(IDLE_MS, resolve);
        };
        channel.once('close', () => reject(failure instanceof Error ? failure : new Error('the broker closed the channel')));
        signal.addEventListener('abort', () => resolve(), { once: true });
        const deliver = (message: ConsumeMessage | null): void => {
          if (!message) return reject(new Error('the queue was deleted'));
          if (window.left === 0 || signal.aborted) return;
          const refused = refusal(message, this.#queue, this.#into.limit);
          if (refused) {
            window.left = 0;
            return reject(refused);
          }
          idle();
          this.#came++;
          if (window.take(fromAmqp(message, this.#queue), message, this.#came) === 0) resolve();
        };
        idle();
        limited('consuming', async () => await channel.consume(this.#queue, deliver, CONSUMER)).catch(reject);
      });
    } finally {
      cancelIdle();
    }
    await window.end();
  }
}

/** What one channel takes. */
class Window {
  readonly #channel: Channel;
  readonly #into: Into;
  left: number;
  #unacknowledged: ConsumeMessage | undefined;
  #since = 0;

  constructor(channel: Channel, into: Into, most: number) {
    this.#channel = channel;
    this.#into = into;
    this.left = most;
  }

  /** Returns how many more it takes. */
  take(envelope: Envelope, message: ConsumeMessage, came: number): number {
    const { take, progress, drain, window } = this.#into;
    take(envelope);
    progress(came);
    if (drain) {
      this.#unacknowledged = message;
      if (++this.#since >= Math.min(ACK_EVERY, window)) this.#acknowledge();
    }
    return --this.left;
  }

  /** With `drain`: the broker has what was acknowledged when it has closed the channel, which also gives back the rest. */
  async end(): Promise<void> {
    if (!this.#into.drain) return;
    this.#acknowledge();
    await limited('closing the channel', async () => await this.#channel.close());
  }

  #acknowledge(): void {
    if (this.#unacknowledged) this.#channel.ack(this.#unacknowledged, true);
    this.#unacknowledged = undefined;
    this.#since = 0;
  }
}
