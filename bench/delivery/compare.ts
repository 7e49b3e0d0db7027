/**
 * Delivery around a sink against the bare client: the same records with the same headers, connections and confirms, to the same broker, in
 * turns within one run. The bare client is given its records ready made; once more it encodes them itself, as a program would have to.
 */
import type { BrokerDefinition, Message } from '../../src/broker.ts';
import type { TideEvent } from '../../src/event.ts';
import { type Figure, median, scratch } from '../measure.ts';
import { Driven } from './driven.ts';
import { EventMaker, encoderOf, type Format, messageOf, messagesOf } from './events.ts';

const BATCH = 500;
const EVENTS = 10_000;
const ROUNDS = Number(process.env['BENCH_ROUNDS'] ?? 9);
/** How far delivery is ahead of its confirms: enough that a batch is always ready, too little to be spooled. */
const WINDOW = 4 * BATCH;
/** Of about a kilobyte, in either format. */
const ROWS: Readonly<Record<Format, number>> = { json: 18, msgpack: 20 };

export interface Compared {
  readonly client: string;
  readonly sink: BrokerDefinition;
  readonly options: Readonly<Record<string, unknown>>;
  /** The bare client: sends a batch, and resolves when it is confirmed. */
  readonly bare: (batch: readonly Message[]) => Promise<void>;
  /** Between two rounds. */
  readonly after?: () => Promise<void>;
}

interface Cost {
  /** Microseconds an event. */
  readonly cpu: number;
  readonly wall: number;
}

async function costOf(work: () => Promise<void>): Promise<Cost> {
  const [cpu, wall] = [process.cpuUsage(), performance.now()];
  await work();
  const passed = 1000 * (performance.now() - wall);
  const { user, system } = process.cpuUsage(cpu);
  return { cpu: (user + system) / EVENTS, wall: passed / EVENTS };
}

const cut = <T>(all: readonly T[]): T[][] =>
  Array.from({ length: Math.ceil(all.length / BATCH) }, (_, i) => all.slice(i * BATCH, (i + 1) * BATCH));

async function sendAll(bare: Compared['bare'], work: readonly (readonly Message[])[]): Promise<void> {
  for (const batch of work) await bare(batch);
}

async function encodeAndSend(bare: Compared['bare'], events: readonly TideEvent[], format: Format): Promise<void> {
  const encode = encoderOf(format);
  for (const [b, batch] of cut(events).entries()) {
    await bare(batch.map((event, i) => messageOf(event, encode(event), b * BATCH + i + 1, format)));
  }
}

/** The three ways of one format, in turns whose order changes. */
async function measure(compared: Compared, format: Format): Promise<Figure[]> {
  const { client, sink, options, bare, after } = compared;
  const { folder, remove } = scratch();
  const maker = new EventMaker(ROWS[format]);
  const driven = new Driven(sink, { folder, options: { ...options, format } });
  try {
    const events = maker.many(EVENTS);
    const prepared = cut(messagesOf(events, format));
    const bytes = (prepared[0] as Message[]).reduce((sum, { body }) => sum + body.length, 0) / BATCH;
    const ways = {
      bare: async () => await sendAll(bare, prepared),
      encoding: async () => await encodeAndSend(bare, events, format),
      ours: async () => await driven.pump(events, WINDOW),
    };
    const costs: Record<keyof typeof ways, Cost[]> = { bare: [], encoding: [], ours: [] };
    for (let round = 0; round <= ROUNDS; round++) {
      const order = ['bare', 'ours', 'encoding'] as const;
      for (const way of round % 2 === 0 ? order : order.toReversed()) {
        const cost = await costOf(ways[way]);
        // The first round warms up.
        if (round > 0) costs[way].push(cost);
        await after?.();
      }
    }
    driven.check();
    const of = (way: keyof typeof ways, what: keyof Cost): number => median(costs[way].map((cost) => cost[what]));
    const ratio = (a: keyof typeof ways, b: keyof typeof ways, what: keyof Cost): number =>
      median(costs[a].map((cost, i) => cost[what] / (costs[b][i] as Cost)[what]));
    const about = `${format}, ${Math.round(bytes)} B:`;
    return [
      { what: `${about} ${client} with records ready made`, value: 1e6 / of('bare', 'wall'), unit: 'events/s' },
      { what: `${about} ${client}, CPU an event`, value: of('bare', 'cpu'), unit: 'µs' },
      { what: `${about} delivery`, value: 1e6 / of('ours', 'wall'), unit: 'events/s' },
      { what: `${about} delivery, CPU an event, encoding included`, value: of('ours', 'cpu'), unit: 'µs' },
      { what: `${about} delivery against ${client}, rate`, value: ratio('bare', 'ours', 'wall'), unit: '×', atLeast: 0.9 },
      { what: `${about} delivery against ${client}, CPU`, value: ratio('ours', 'bare', 'cpu'), unit: '×', atMost: 1.3 },
      {
        what: `${about} against ${client} that encodes, rate`,
        value: ratio('encoding', 'ours', 'wall'),
        unit: '×',
        atLeast: 0.9,
      },
      { what: `${about} against ${client} that encodes, CPU`, value: ratio('ours', 'encoding', 'cpu'), unit: '×', atMost: 1.3 },
    ];
  } finally {
    await driven.stop();
    remove();
  }
}

export const compareDelivery = async (compared: Compared): Promise<Figure[]> => [
  ...(await measure(compared, 'json')),
  ...(await measure(compared, 'msgpack')),
];
