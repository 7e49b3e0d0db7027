/**
 * The pool: up to `connections` AMQP connections, opened when a lane needs one, shared by lanes, opened anew after a loss. A lane gets a
 * confirm channel on the connection that has the fewest.
 *
 * A slot stays empty until a lane takes it. What opens it serves every lane that waits for it, and is given up when none does any more.
 * The window of a lane lives here, because delivery takes a new connection after every failure.
 */
import { abortable } from '../abort.ts';
import type { Broker, BrokerConnection, BrokerContext } from '../broker.ts';
import { describe, SinkError } from '../errors.ts';
import { Dialer } from './dial.ts';
import { LaneChannel } from './lane-channel.ts';
import { Link } from './link.ts';
import { type RabbitOptions, routingKey } from './options.ts';
import { compileTemplate, type KeyOf } from './template.ts';
import { ensureTopology } from './topology.ts';
import { LaneWindow } from './window.ts';

interface Slot {
  /** Lanes that have a channel here or wait for one. */
  lanes: number;
  link: Link | undefined;
  opening: { readonly link: Promise<Link>; waiting: number; giveUp(): void } | undefined;
}

export class RabbitBroker implements Broker {
  readonly #context: BrokerContext;
  readonly #options: RabbitOptions;
  readonly #dialer: Dialer;
  readonly #keyOf: KeyOf;
  readonly #slots: readonly Slot[];
  readonly #windows = new Map<number, LaneWindow>();
  /** Links whose broker asks to wait, with its reason. */
  readonly #blocked = new Map<Link, string>();
  #toldBlocked: string | undefined;
  #closed = false;

  constructor(context: BrokerContext, options: RabbitOptions, dialer?: Dialer) {
    this.#context = context;
    this.#options = options;
    this.#dialer = dialer ?? new Dialer(options, context.clock, `tidegate ${context.name} on ${context.agent}`);
    this.#keyOf = compileTemplate(routingKey(options));
    this.#slots = Array.from({ length: options.connections }, () => ({ lanes: 0, link: undefined, opening: undefined }));
  }

  async connect(signal: AbortSignal): Promise<BrokerConnection> {
    if (this.#closed) throw new SinkError('transient', 'the sink is closed');
    const slot = this.#leastUsed();
    slot.lanes++;
    try {
      const link = await this.#linkOf(slot, signal);
      if (link.blocked !== undefined) throw new SinkError('blocked', `the broker asks to wait: ${link.blocked}`);
      return await this.#openLane(slot, link, signal);
    } catch (error) {
      slot.lanes--;
      if (error instanceof SinkError) throw error;
      const what = signal.aborted ? `${this.#options.hosts.join(', ')} did not answer in time` : 'cannot open a channel';
      throw new SinkError('transient', `${what}: ${describe(error)}`, { cause: error });
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const { opening } of this.#slots) opening?.giveUp();
    await Promise.all(this.#slots.map(async ({ link }) => await link?.close()));
  }

  /** The slot with the fewest lanes; of these an open one. */
  #leastUsed(): Slot {
    return this.#slots.reduce((best, slot) => {
      if (slot.lanes !== best.lanes) return slot.lanes < best.lanes ? slot : best;
      return best.link === undefined && slot.link !== undefined ? slot : best;
    });
  }

  async #linkOf(slot: Slot, signal: AbortSignal): Promise<Link> {
    if (slot.link) return slot.link;
    slot.opening ??= this.#open(slot);
    const { opening } = slot;
    opening.waiting++;
    try {
      return await abortable(opening.link, signal);
    } finally {
      if (--opening.waiting === 0) opening.giveUp();
    }
  }

  #open(slot: Slot): NonNullable<Slot['opening']> {
    const controller = new AbortController();
    const link = this.#dialer
      .open(controller.signal)
      .then((model) => {
        const made = new Link(model, this.#context.clock, {
          blocked: (reason) => this.#setBlocked(made, reason),
          over: () => {
            if (slot.link === made) slot.link = undefined;
          },
        });
        if (controller.signal.aborted) made.drop(new Error('nobody waits for this connection'));
        else slot.link = made;
        return made;
      })
      .finally(() => forget());
    // Whoever waits hears of a failure; perhaps nobody does any more.
    link.catch(() => {});
    const giveUp = (): void => {
      controller.abort();
      forget();
    };
    const opening = { link, waiting: 0, giveUp };
    const forget = (): void => {
      if (slot.opening === opening) slot.opening = undefined;
    };
    return opening;
  }

  async #openLane(slot: Slot, link: Link, signal: AbortSignal): Promise<BrokerConnection> {
    const opening = this.#prepare(link);
    try {
      const channel = await abortable(opening, signal);
      return new LaneChannel(link, channel, {
        options: this.#options,
        keyOf: this.#keyOf,
        windowOf: (lane) => this.#windowOf(lane),
        closed: () => slot.lanes--,
      });
    } catch (error) {
      if (signal.aborted) {
        // A broker that does not open a channel in time does nothing for the other lanes either.
        link.drop(new Error('the broker did not open a channel in time'));
        opening.catch(() => {});
      }
      if (link.over && !(error instanceof SinkError && error.code === 'misconfigured')) {
        throw new SinkError('transient', `lost the broker while opening a channel: ${describe(link.cause)}`, { cause: error });
      }
      throw error;
    }
  }

  async #prepare(link: Link): ReturnType<Link['openChannel']> {
    await link.settled();
    if (!link.checked) {
      await ensureTopology(link.model, this.#options);
      link.checked = true;
    }
    return await link.openChannel();
  }

  #windowOf(lane: number): LaneWindow {
    const window = this.#windows.get(lane) ?? new LaneWindow(this.#options.window);
    this.#windows.set(lane, window);
    return window;
  }

  #setBlocked(link: Link, reason: string | undefined): void {
    if (reason === undefined) this.#blocked.delete(link);
    else this.#blocked.set(link, reason);
    const [first] = this.#blocked.values();
    if (first === this.#toldBlocked) return;
    this.#toldBlocked = first;
    this.#context.blocked(first);
  }
}
