/**
 * `isolation`: one agent with four broker sinks. One hangs for good, one rejects every event, one can reach neither its broker nor its disk,
 * and the fourth is measured, with the others and without, in turns: from the moment of the sample until its broker has it.
 */
import * as z from 'zod';
import { Agent } from '../../src/agent.ts';
import { type BrokerConnection, type BrokerDefinition, defineBroker, type Message } from '../../src/broker.ts';
import { systemClock } from '../../src/clock.ts';
import type { SensorEntry, SinkEntry } from '../../src/config/config.ts';
import { sinkCommon } from '../../src/config/schema.ts';
import { deliveryOptions } from '../../src/delivery/options.ts';
import { SinkError } from '../../src/errors.ts';
import { defineSchema, gauge } from '../../src/event.ts';
import { Host } from '../../src/host.ts';
import { silent } from '../../src/log.ts';
import { defineSensor } from '../../src/sensor.ts';
import { type Figure, median, scratch, sleep } from '../measure.ts';

const ROUNDS = Number(process.env['BENCH_ROUNDS'] ?? 7);
const ROUND_MS = 6000;
const SETTLE_MS = 1500;
const SENSORS = 20;
const INTERVAL_MS = 100;
const CALL_MS = 2;

const schema = defineSchema({
  type: 'bench.tide',
  doc: 'A few numbers.',
  attributes: ['row'],
  fields: { level: gauge('m', '') },
});

const sensor = defineSensor({
  name: 'tide',
  summary: 'A few numbers.',
  emits: [schema],
  options: z.unknown(),
  open: () => ({
    sample: () => {
      const table = schema.table();
      for (let row = 0; row < 20; row++) table.add([String(row)], { level: Math.random() });
      return [table];
    },
  }),
});

const sensors: SensorEntry[] = Array.from({ length: SENSORS }, (_, i) => {
  const about = { name: `tide${i}`, type: 'tide', options: {}, interval: INTERVAL_MS, timeout: INTERVAL_MS, labels: {} };
  return { ...about, offset: (i * INTERVAL_MS) / SENSORS, definition: sensor, fingerprint: about.name };
});

function broker(name: string, write: (batch: readonly Message[]) => Promise<void>): BrokerDefinition {
  const connection: BrokerConnection = { write: async (batch) => await write(batch), close: async () => {} };
  const opened = { connect: async () => await Promise.resolve(connection), close: async () => {} };
  return defineBroker({ name, summary: name, options: z.strictObject(deliveryOptions), openBroker: () => opened });
}

function entry(definition: BrokerDefinition, options: object = {}, common: z.input<typeof sinkCommon> = {}): SinkEntry {
  const { name } = definition;
  const settings = sinkCommon.parse({ batch: { wait: '50ms' }, timeout: '2s', ...common });
  return { name, type: name, definition, options: definition.options.parse(options), common: settings, fingerprint: name };
}

const bad: SinkEntry[] = [
  entry(broker('hung', async () => await new Promise(() => {}))),
  entry(
    broker('rejecting', async () => {
      await sleep(CALL_MS);
      throw new SinkError('rejected', 'it takes nothing');
    }),
  ),
  entry(
    broker('full', async () => {
      await sleep(CALL_MS);
      throw new SinkError('transient', 'it is away');
    }),
    // More than any disk has free.
    { spool: { min_free: '1000TiB' } },
    { queue: { max_events: 500 } },
  ),
];

interface Measured {
  /** In milliseconds. */
  readonly p50: number;
  readonly p99: number;
  /** Events a second. */
  readonly rate: number;
}

async function round(others: readonly SinkEntry[]): Promise<Measured> {
  const { folder, remove } = scratch();
  const latencies: number[] = [];
  let since = Number.POSITIVE_INFINITY;
  const good = broker('good', async (batch) => {
    await sleep(CALL_MS);
    const now = performance.timeOrigin + performance.now();
    if (now >= since) for (const { time } of batch) latencies.push(now - time);
  });
  const host = new Host({ name: 'bench' });
  const agent = new Agent({ agent: 'bench', host, stateDir: folder, clock: systemClock, log: silent, maxEventBytes: 2 ** 19 });
  await agent.apply({ sensors, sinks: [entry(good), ...others], host: 'bench' });
  await sleep(SETTLE_MS);
  since = performance.timeOrigin + performance.now();
  await sleep(ROUND_MS);
  const passed = performance.timeOrigin + performance.now() - since;
  const sorted = latencies.toSorted((a, b) => a - b);
  since = Number.POSITIVE_INFINITY;
  const states = agent.status().sinks;
  if (others.length > 0 && states.filter(({ ledger }) => ledger.published > 0 && ledger.delivered === 0).length !== others.length)
    throw new Error(`the others are not as they should be: ${JSON.stringify(states)}`);
  await agent.stop(500);
  remove();
  const at = (share: number): number => sorted[Math.floor(sorted.length * share)] as number;
  return { p50: at(0.5), p99: at(0.99), rate: (1000 * sorted.length) / passed };
}

export async function isolation(): Promise<Figure[]> {
  const [alone, together]: [Measured[], Measured[]] = [[], []];
  for (let i = 0; i <= ROUNDS; i++) {
    for (const others of i % 2 === 0 ? [[], bad] : [bad, []]) {
      const measured = await round(others);
      // The first round warms up.
      if (i > 0) (others.length > 0 ? together : alone).push(measured);
    }
  }
  const of = (all: readonly Measured[], what: keyof Measured): number => median(all.map((one) => one[what]));
  const ratio = (what: keyof Measured): number => median(together.map((one, i) => one[what] / (alone[i] as Measured)[what]));
  const row = (what: keyof Measured, unit: string): Figure[] => [
    { what: `isolation: ${what} alone`, value: of(alone, what), unit },
    { what: `isolation: ${what} beside three bad sinks`, value: of(together, what), unit },
  ];
  return [
    ...row('p50', 'ms'),
    { what: 'isolation: p50 against alone', value: ratio('p50'), unit: '×', atMost: 1.1 },
    ...row('p99', 'ms'),
    { what: 'isolation: p99 against alone', value: ratio('p99'), unit: '×', atMost: 1.1 },
    ...row('rate', 'events/s'),
    { what: 'isolation: rate against alone', value: ratio('rate'), unit: '×', atLeast: 0.9 },
  ];
}
