/** What tests of delivery's parts share: settings, entries, a log that is read, a broker whose every answer a test chooses. */
import * as z from 'zod';
import type { Broker, BrokerConnection, BrokerContext, Message } from '../../src/broker.ts';
import { decodeJson } from '../../src/codec/decode.ts';
import { Delivery, type DeliverySettings } from '../../src/delivery/delivery.ts';
import { Entry, type EntryFields } from '../../src/delivery/entry.ts';
import { LOSS_TYPE } from '../../src/delivery/loss.ts';
import { deliveryOptions } from '../../src/delivery/options.ts';
import { SinkError } from '../../src/errors.ts';
import type { Log } from '../../src/log.ts';
import type { RunnerOptions } from '../../src/runner-types.ts';
import type { Tracing } from '../../src/tracing.ts';
import { FakeClock } from '../clock.ts';
import { eventOf } from '../events.ts';
import { SimulatedDisk } from './simulation/disk.ts';
import { Random } from './simulation/random.ts';

const schema = z.object(deliveryOptions);

/** Settings as an operator writes them, with every default of delivery's own; a full batch is 100 events and nothing waits for company. */
export function settingsOf(delivery: z.input<typeof schema> = {}, more: Partial<RunnerOptions> = {}): DeliverySettings {
  return {
    queue: { max_events: 10_000, max_bytes: 16 * 2 ** 20, when_full: 'drop_oldest' },
    batch: { max_events: 100, max_bytes: 2 ** 20, wait: 0 },
    timeout: 10_000,
    backoff: { initial: 500, max: 30_000 },
    ...more,
    delivery: schema.parse(delivery),
  };
}

/** The nth entry of lane 0 in the run `run`. */
export function entryOf(n: number, about: Partial<EntryFields> & { accepted?: number } = {}): Entry {
  const { accepted = 0, ...fields } = about;
  const made = { id: `agent/run/sensor/${n}`, type: 'test.padded', time: 0, agent: 'agent', host: 'host', sensor: 'sensor' };
  const body = { contentType: 'application/json', body: Buffer.from('{}') } as const;
  return new Entry({ ...made, ...body, lane: 0, run: 'run', n, ...fields }, accepted);
}

/** Remembers what was said: the level and the message, and the facts. */
export class ReadLog implements Log {
  readonly lines: string[] = [];
  readonly facts: object[] = [];
  debug = this.#hear('debug');
  info = this.#hear('info');
  warn = this.#hear('warn');
  error = this.#hear('error');

  #hear(level: string) {
    return (about: object, message: string): void => {
      this.lines.push(`${level}: ${message}`);
      this.facts.push(about);
    };
  }
}

type Answer = (batch: readonly Message[], signal: AbortSignal) => Promise<void> | void;

/** One write that reached a connection. */
export interface Write {
  readonly messages: readonly Message[];
  /** On the monotonic clock, in milliseconds. */
  readonly at: number;
  /** The connection's number, from 1. */
  readonly connection: number;
}

/** A broker that takes a batch when `answer` returns, and what an error of it says is confirmed. */
export class ScriptedBroker {
  /** What was taken and confirmed, in order. */
  readonly arrived: Message[] = [];
  readonly writes: Write[] = [];
  /** Numbers of the connections that were closed, each time. */
  readonly closed: number[] = [];
  readonly contexts: BrokerContext[] = [];
  answer: Answer = () => {};
  connect: (signal: AbortSignal) => Promise<void> | void = () => {};
  connections = 0;
  /** What a connection's user may not do. */
  readonly violations: string[] = [];
  readonly #clock: FakeClock;

  constructor(clock: FakeClock) {
    this.#clock = clock;
  }

  open(context: BrokerContext): Broker {
    this.contexts.push(context);
    return {
      connect: async (signal) => {
        await this.connect(signal);
        return this.#connection(++this.connections);
      },
      close: async () => await Promise.resolve(),
    };
  }

  #connection(number: number): BrokerConnection {
    let [busy, spent] = [false, false];
    return {
      write: async (messages, signal) => {
        if (busy) this.violations.push(`connection ${number} is written to twice at once`);
        if (spent) this.violations.push(`connection ${number} is written to after it failed or was closed`);
        busy = true;
        this.writes.push({ messages, at: this.#clock.monotonic(), connection: number });
        try {
          await this.answer(messages, signal);
          this.arrived.push(...messages);
        } catch (error) {
          if (!(error instanceof SinkError && error.code === 'rejected')) spent = true;
          if (error instanceof SinkError) this.arrived.push(...messages.filter((_, i) => error.confirmed?.has(i)));
          throw error;
        } finally {
          busy = false;
        }
      },
      close: async () => {
        spent = true;
        this.closed.push(number);
        await Promise.resolve();
      },
    };
  }

  /** Numbers of what arrived, in their order; a notice is what it tells. */
  get numbers(): (number | string)[] {
    return this.arrived.map(numberOf);
  }
}

/** The number of a message in its lane, or what a notice says: reason and range. */
export function numberOf({ seq, type, body }: Message): number | string {
  if (seq !== undefined) return Number(seq.slice(seq.lastIndexOf('/') + 1));
  if (type !== LOSS_TYPE) return 'neither numbered nor a notice';
  const { rows, attributes, fields } = decodeJson(body);
  const row = (r: number): string =>
    `${attributes['tidegate.reason']?.[r] as string} ${fields['first']?.values[r]}-${fields['last']?.values[r] ?? ''}`;
  return Array.from({ length: rows }, (_, r) => row(r)).join(', ');
}

/** A delivery over an in-memory disk and a scripted broker, in virtual time. */
export class Bench {
  readonly clock: FakeClock;
  readonly log = new ReadLog();
  readonly disk: SimulatedDisk;
  readonly broker: ScriptedBroker;
  readonly delivery: Delivery;
  #n = 0;

  /** `before` is one that ended, whose disk and clock this one takes over. */
  constructor(settings: DeliverySettings, before?: Bench, run = 'run', random = () => 0, tracing?: Tracing) {
    this.clock = before?.clock ?? new FakeClock();
    this.disk = before?.disk ?? new SimulatedDisk(this.clock, new Random(1));
    this.broker = new ScriptedBroker(this.clock);
    this.#n = before?.published ?? 0;
    const { clock, log, disk } = this;
    const openStore = async () => ({ store: await disk.open(), remarks: [] });
    this.delivery = new Delivery(
      { name: 'sink', agent: 'agent', host: 'host', run, clock, log, random, openStore, tracing },
      (context) => this.broker.open(context),
      settings,
    );
  }

  get published(): number {
    return this.#n;
  }

  /** Publishes events, sampled now unless told otherwise. */
  publish(count: number, about: { bytes?: number; time?: number } = {}): void {
    for (let i = 0; i < count; i++) this.delivery.publish(eventOf(++this.#n, { time: this.clock.wall(), ...about }));
  }
}

/** The whole numbers from `first` to `last`. */
export const range = (first: number, last: number): number[] => Array.from({ length: last - first + 1 }, (_, i) => first + i);
