/**
 * A plugin's sink to a broker as the service has it. Delivery is around it as it is around every broker's: spool, lanes, breaker, back-off
 * and deadlines are the service's, and only what speaks the protocol is the plugin's.
 *
 * All connections of an instance live in one worker, which the first `connect` after its end starts again. It is ended by `close`, and by
 * whatever call does not end a second after its deadline; the calls of other lanes then fail with it, as they do when a broker goes away.
 */
import * as z from 'zod';
import type { Broker, BrokerConnection, BrokerContext, BrokerDefinition, Message } from '../broker.ts';
import { type Clock, systemClock } from '../clock.ts';
import { deliveryOptions } from '../delivery/options.ts';
import { describe, SinkError } from '../errors.ts';
import type { PluginFile } from './find.ts';
import { WorkerLink } from './link.ts';
import type { Probe } from './probe.ts';
import { callSink } from './sink-call.ts';
import type { BrokerOpening, ConnectionBatch, Notice } from './wire.ts';

const OPEN_MS = 8000;
const CLOSE_MS = 2000;

type Options = Readonly<Record<string, unknown>>;

/** Throws when the plugin's own options cannot stand beside delivery's. */
export function pluginBroker(
  file: PluginFile,
  probe: Probe,
  about: { readonly summary: string; readonly options: z.ZodType },
  clock: Clock = systemClock,
): BrokerDefinition {
  const destinations = new WeakMap<object, readonly string[]>();
  return {
    name: file.name,
    summary: about.summary,
    options: withDelivery(file.file, about.options),
    version: file.version,
    verify: async (parsed) => {
      const checked = await probe.check(ownOf(parsed as Options));
      destinations.set(parsed as object, checked.destinations);
      return checked.issues;
    },
    destinations: (parsed) => destinations.get(parsed as object) ?? [],
    openBroker: (context, parsed) => new PluginBroker(file, context, ownOf(parsed as Options), clock),
  };
}

const isDeliverys = (name: string): boolean => Object.hasOwn(deliveryOptions, name);

function withDelivery(file: string, own: z.ZodType): z.ZodType {
  if (!(own instanceof z.ZodObject)) throw new Error(`${file}: the options of a sink to a broker must be one object`);
  const taken = Object.keys(own.shape).find(isDeliverys);
  if (taken !== undefined)
    throw new Error(`${file}: every sink to a broker has an option "${taken}" already; give its own another name`);
  return own.extend(deliveryOptions);
}

const ownOf = (all: Options): Options => Object.fromEntries(Object.entries(all).filter(([name]) => !isDeliverys(name)));

interface Running {
  readonly link: WorkerLink;
  /** Settles when its instance is open, or cannot be. */
  readonly opened: Promise<unknown>;
}

class PluginBroker implements Broker {
  readonly #file: PluginFile;
  readonly #context: BrokerContext;
  readonly #options: unknown;
  readonly #clock: Clock;
  #running: Running | undefined;

  constructor(file: PluginFile, context: BrokerContext, options: unknown, clock: Clock) {
    this.#file = file;
    this.#context = context;
    this.#options = options;
    this.#clock = clock;
  }

  async connect(signal: AbortSignal): Promise<BrokerConnection> {
    const link = await this.#worker();
    const connection = (await callSink(link, this.#clock, 'connect', undefined, signal)) as number;
    return {
      write: async (batch, aborted) => {
        const value: ConnectionBatch = { connection, messages: batch.map(plain) };
        await callSink(link, this.#clock, 'write', value, aborted);
      },
      close: async () => {
        if (link.why === undefined) await link.call('disconnect', connection, CLOSE_MS);
      },
    };
  }

  async close(): Promise<void> {
    const running = this.#running;
    this.#running = undefined;
    if (!running) return;
    const { link } = running;
    try {
      if (link.why === undefined) await link.call('close', undefined, CLOSE_MS);
    } catch (error) {
      this.#context.warn(`it did not close: ${describe(error)}`);
    } finally {
      link.stop();
    }
  }

  /** One for all lanes, also where several ask at once. */
  async #worker(): Promise<WorkerLink> {
    const { link, opened } = (this.#running ??= this.#start());
    try {
      await opened;
    } catch (error) {
      link.stop();
      throw error instanceof SinkError ? error : new SinkError('transient', 'its worker did not start', { cause: error });
    }
    return link;
  }

  #start(): Running {
    const { file, name, kind, memoryBytes } = this.#file;
    const notice = (said: Notice): void => this.#noticed(said);
    const link = new WorkerLink({ file, name, kind }, { memoryBytes, clock: this.#clock, notice });
    const opening: BrokerOpening = { name: this.#context.name, agent: this.#context.agent, options: this.#options };
    const running = { link, opened: link.call('open', opening, OPEN_MS) };
    void link.ended.then(() => {
      if (this.#running !== running) return;
      this.#running = undefined;
      // Who asked to wait is gone, and cannot say that it is over.
      this.#context.blocked(undefined);
    });
    return running;
  }

  #noticed(notice: Notice): void {
    if ('note' in notice) this.#context.warn(notice.text);
    else if ('blocked' in notice) this.#context.blocked(notice.blocked);
  }
}

/** The message as data alone: some of an entry's members are computed, and those are lost between processes. */
const plain = ({
  id,
  type,
  time,
  agent,
  host,
  sensor,
  contentType,
  body,
  lane,
  seq,
  backfill,
  traceparent,
}: Message): Message => ({
  id,
  type,
  time,
  agent,
  host,
  sensor,
  contentType,
  body,
  lane,
  seq,
  backfill,
  traceparent,
});
