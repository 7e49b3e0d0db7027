/** A delivery that a bench drives: it hears of every write, and offers events as fast as they go or at a rate. */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import * as z from 'zod';
import type { Broker, BrokerConnection, BrokerDefinition, Message } from '../../src/broker.ts';
import { systemClock } from '../../src/clock.ts';
import { sinkCommon } from '../../src/config/schema.ts';
import { Delivery, type DeliverySettings, type OpenBroker } from '../../src/delivery/delivery.ts';
import { openLevelStore } from '../../src/delivery/level-store.ts';
import { deliveryOf, deliveryOptions } from '../../src/delivery/options.ts';
import type { DeliveryStatus } from '../../src/delivery/status.ts';
import type { TideEvent } from '../../src/event.ts';
import { type Log, silent } from '../../src/log.ts';

export interface DrivenOptions {
  /** The state folder; the spool is below it. */
  readonly folder: string;
  /** What an operator writes: the sink's common options, and its own with delivery's among them. */
  readonly common?: z.input<typeof sinkCommon>;
  readonly options?: unknown;
  readonly log?: Log;
  readonly run?: string;
  readonly onWrite?: (batch: readonly Message[], ms: number) => void;
}

/** How long a bench waits for what must come, in milliseconds. */
const PATIENCE_MS = 600_000;

const NAMES = { name: 'bench', agent: 'edge-7', host: 'edge-7.example' } as const;

const justDelivery = z.strictObject(deliveryOptions);

export class Driven {
  readonly delivery: Delivery;
  /** Events that the broker has confirmed. */
  written = 0;
  #published = 0;
  #onWritten: (() => void) | undefined;
  readonly #onWrite: DrivenOptions['onWrite'];

  /** `sink` is a definition, or a broker that is made here with the options of delivery alone. */
  constructor(sink: BrokerDefinition | (() => Broker), options: DrivenOptions) {
    this.#onWrite = options.onWrite;
    const isMade = typeof sink === 'function';
    const parsed = (isMade ? justDelivery : sink.options).parse(options.options ?? {});
    const settings: DeliverySettings = { ...sinkCommon.parse(options.common ?? {}), delivery: deliveryOf(parsed) };
    const open: OpenBroker = (context) => this.#watched(isMade ? sink() : sink.openBroker(context, parsed));
    const { folder, log = silent, run = randomBytes(6).toString('hex') } = options;
    const parts = {
      ...NAMES,
      run,
      log,
      clock: systemClock,
      random: Math.random,
      openStore: async () => await openLevelStore(join(folder, 'spool'), { minFree: settings.delivery.spool.min_free }),
    };
    this.delivery = new Delivery(parts, open, settings);
  }

  status(): DeliveryStatus {
    return this.delivery.status();
  }

  publish(event: TideEvent): void {
    this.#published++;
    this.delivery.publish(event);
  }

  /** Publishes all of it, never more than `window` ahead of what is confirmed, and resolves when everything is delivered. */
  async pump(events: readonly TideEvent[], window: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const [before, wanted] = [this.written, this.written + events.length];
    let at = 0;
    const more = (): void => {
      while (at < events.length && at - (this.written - before) < window) this.publish(events[at++] as TideEvent);
      if (this.written >= wanted) resolve();
    };
    // After delivery has sent what it has: offering is what happens while the broker works.
    this.#onWritten = () => void setImmediate(more);
    more();
    await promise;
    this.#onWritten = undefined;
    await this.until(({ ledger }) => ledger.in_flight === 0);
  }

  /** Resolves once the status is so. */
  async until(is: (status: DeliveryStatus) => boolean, everyMs = 0): Promise<DeliveryStatus> {
    const end = performance.now() + PATIENCE_MS;
    for (;;) {
      const status = this.status();
      if (is(status)) return status;
      if (performance.now() > end) throw new Error(`after ${PATIENCE_MS / 1000} s it is still ${JSON.stringify(status)}`);
      await new Promise<void>((resolve) => void (everyMs === 0 ? setImmediate(resolve) : setTimeout(resolve, everyMs)));
    }
  }

  /** Throws unless everything that was published was delivered. */
  check(): void {
    const { ledger } = this.status();
    if (ledger.delivered !== this.#published) throw new Error(`${this.#published} published, but ${JSON.stringify(ledger)}`);
  }

  async stop(): Promise<void> {
    await this.delivery.stop(5000);
  }

  #watched(broker: Broker): Broker {
    return {
      connect: async (signal) => this.#watchedConnection(await broker.connect(signal)),
      close: async () => await broker.close(),
    };
  }

  #watchedConnection(connection: BrokerConnection): BrokerConnection {
    return {
      write: async (batch, signal) => {
        const began = performance.now();
        await connection.write(batch, signal);
        this.written += batch.length;
        this.#onWrite?.(batch, performance.now() - began);
        this.#onWritten?.();
      },
      close: async () => await connection.close(),
    };
  }
}
