/**
 * `delivery-spool`: events through the whole of delivery, by way of the disk, beside bare LevelDB, which is given the encoded bodies: what is
 * accepting, numbering, the checksum, the account, the breaker and the drain is in it. The spool's store, which does what bare LevelDB does, is
 * measured in `spool`. And what it costs to have a spool: nothing while idle, the opening of a large one, the folder behind it.
 */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { Level } from 'level';
import type { Broker } from '../../src/broker.ts';
import { SinkError } from '../../src/errors.ts';
import type { TideEvent } from '../../src/event.ts';
import { type Figure, median, memoryMiB, scratch, sleep } from '../measure.ts';
import { Driven } from './driven.ts';
import { EventMaker, encoderOf } from './events.ts';
import { sizeOf } from './outage-parts.ts';

const ROWS = 20;
const EVENTS = 20_000;
/** Different ones among them: what the bench itself keeps in memory is not to be what the collector is busy with. */
const DISTINCT = 1000;
const ROUNDS = Number(process.env['BENCH_ROUNDS'] ?? 9);
const BYTES = Number(process.env['BENCH_SPOOL_BYTES'] ?? 1e9);
const CHUNK = 2000;
const BATCH = 500;
/** How long what is deleted may stay on disk, in milliseconds, and how small the folder is then, in bytes. */
const SETTLE_MS = 60_000;
const SMALL_BYTES = 50e6;

/** Takes everything at once, or nothing at all. */
class NullBroker implements Broker {
  away = false;

  async connect() {
    if (this.away) throw new SinkError('transient', 'it is away');
    return { write: async () => await this.#write(), close: async () => {} };
  }

  async #write(): Promise<void> {
    if (this.away) throw new SinkError('transient', 'it is away');
    return await Promise.resolve();
  }

  async close(): Promise<void> {}
}

const QUICK = {
  common: { queue: { max_events: 10 * CHUNK }, backoff: { initial: '10ms', max: '50ms' } },
  options: {
    format: 'msgpack',
    spool: { max_bytes: '64GiB', min_free: '0B' },
    drain: { rate: 100_000_000, byte_rate: '100GiB' },
    breaker: { probe_max: '20ms' },
  },
} as const;

/** Publishes while the broker is away, no faster than the disk takes it, until `count` more are spooled. */
async function fill(driven: Driven, pool: readonly TideEvent[], count: number): Promise<void> {
  const before = driven.status().ledger.published;
  for (let n = 0; n < count; n += CHUNK) {
    for (let i = n; i < Math.min(count, n + CHUNK); i++) driven.publish(pool[i % pool.length] as TideEvent);
    await driven.until(({ spool, ledger }) => spool.events >= before + Math.min(count, n + CHUNK) - ledger.delivered, 1);
  }
}

async function empty(driven: Driven): Promise<void> {
  driven.delivery.probe();
  await driven.until(({ ledger }) => ledger.delivered === ledger.published, 1);
}

const keyOf = (n: number): Buffer => {
  const bytes = Buffer.alloc(9);
  bytes.writeBigUInt64BE(BigInt(n), 1);
  return bytes;
};

async function bareRound(database: Level<Buffer, Buffer>, bodies: readonly Buffer[], from: number): Promise<void> {
  for (let n = 0; n < bodies.length; n += BATCH) {
    await database.batch(bodies.slice(n, n + BATCH).map((value, i) => ({ type: 'put', key: keyOf(from + n + i), value })));
  }
  for (let n = 0; n < bodies.length; n += BATCH) {
    const range = { gte: keyOf(from + n), lt: keyOf(from + n + BATCH), highWaterMarkBytes: 1 << 20 };
    const iterator = database.iterator(range);
    const entries = await iterator.nextv(BATCH);
    await iterator.close();
    await database.batch(entries.map(([key]) => ({ type: 'del', key })));
  }
}

interface Cost {
  readonly cpu: number;
  readonly wall: number;
}

async function costOf(work: () => Promise<void>): Promise<Cost> {
  const [cpu, wall] = [process.cpuUsage(), performance.now()];
  await work();
  const { user, system } = process.cpuUsage(cpu);
  return { cpu: user + system, wall: 1000 * (performance.now() - wall) };
}

async function sideBySide(folder: string): Promise<Figure[]> {
  const pool = new EventMaker(ROWS).many(DISTINCT);
  const encode = encoderOf('msgpack');
  const distinct = pool.map((event) => encode(event));
  const bodies = Array.from({ length: EVENTS }, (_, i) => distinct[i % DISTINCT] as Buffer);
  const database = new Level<Buffer, Buffer>(join(folder, 'bare'), { keyEncoding: 'buffer', valueEncoding: 'buffer' });
  await database.open();
  const broker = new NullBroker();
  const driven = new Driven(() => broker, { folder: join(folder, 'ours'), ...QUICK });
  await driven.until(({ spool }) => spool.ready, 1);
  const ratios = { cpu: [] as number[], wall: [] as number[], alone: [] as number[] };
  const each = { bare: [] as number[], ours: [] as number[] };
  for (let round = 0; round <= ROUNDS; round++) {
    const bare = await costOf(async () => await bareRound(database, bodies, round * EVENTS));
    broker.away = true;
    const encoding = await costOf(async () => {
      for (let n = 0; n < EVENTS; n += DISTINCT) for (const event of pool) encode(event);
      return await Promise.resolve();
    });
    const ours = await costOf(async () => {
      await fill(driven, pool, EVENTS);
      broker.away = false;
      await empty(driven);
    });
    // The first round warms up.
    if (round === 0) continue;
    ratios.cpu.push(bare.cpu / (ours.cpu - encoding.cpu));
    ratios.alone.push(bare.cpu / ours.cpu);
    ratios.wall.push(bare.wall / (ours.wall - encoding.wall));
    each.bare.push(bare.cpu / EVENTS);
    each.ours.push(ours.cpu / EVENTS);
  }
  driven.check();
  await driven.stop();
  await database.close();
  return [
    { what: 'spool: bare LevelDB, CPU an event', value: median(each.bare), unit: 'µs' },
    { what: 'spool: through delivery, CPU an event', value: median(each.ours), unit: 'µs' },
    {
      what: 'spool: events per CPU second, encoding left out, of bare LevelDB’s',
      value: 100 * median(ratios.cpu),
      unit: '%',
    },
    { what: 'spool: events per CPU second, encoding included', value: 100 * median(ratios.alone), unit: '%' },
    {
      what: 'spool: events per second, encoding left out, of bare LevelDB’s',
      value: 100 * median(ratios.wall),
      unit: '%',
    },
  ];
}

/** Every file of a folder, with its size and when it was written last. */
const traceOf = (folder: string): string =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => {
      const { size, mtimeMs } = statSync(join(folder, name));
      return `${name} ${size} ${mtimeMs}`;
    })
    .toSorted()
    .join('\n');

const writtenBytes = (): number => Number(/^write_bytes: (\d+)/m.exec(readFileSync('/proc/self/io', 'utf8'))?.[1]);

/** A broker that takes everything: nothing is to be written. */
async function idle(folder: string): Promise<Figure[]> {
  const driven = new Driven(() => new NullBroker(), { folder });
  await driven.until(({ spool }) => spool.ready, 1);
  await sleep(1500);
  const maker = new EventMaker(ROWS);
  const [before, bytes] = [traceOf(folder), writtenBytes()];
  for (let i = 0; i < 100; i++) {
    for (const event of maker.many(50)) driven.publish(event);
    await sleep(50);
  }
  await driven.until(({ ledger }) => ledger.delivered === ledger.published, 10);
  const [after, written] = [traceOf(folder), writtenBytes() - bytes];
  await driven.stop();
  return [
    { what: 'on_failure, 5,000 events to a broker that takes them: bytes written to disk', value: written, unit: 'B', atMost: 0 },
    { what: 'on_failure: files of the spool that changed', value: before === after ? 0 : 1, unit: '', atMost: 0 },
  ];
}

async function large(folder: string): Promise<Figure[]> {
  const broker = new NullBroker();
  broker.away = true;
  const events = new EventMaker(ROWS).many(10_000);
  const count = Math.ceil(BYTES / encoderOf('msgpack')(events[0] as TideEvent).length);
  const filling = new Driven(() => broker, { folder, ...QUICK });
  await filling.until(({ spool }) => spool.ready, 1);
  const calm = memoryMiB(process.pid, 'RssAnon');
  await fill(filling, events, count);
  const filled = memoryMiB(process.pid, 'RssAnon');
  await filling.stop();
  const disk = sizeOf(folder) / 1e6;
  const wall = performance.now();
  const driven = new Driven(() => broker, { folder, ...QUICK });
  const { spool } = await driven.until(({ spool: { ready } }) => ready);
  const open = performance.now() - wall;
  if (spool.events !== count) throw new Error(`${spool.events} of ${count} events are in the spool`);
  broker.away = false;
  const draining = empty(driven);
  let [peak, done] = [0, false];
  void draining.finally(() => (done = true));
  while (!done) {
    peak = Math.max(peak, memoryMiB(process.pid, 'RssAnon'));
    await sleep(100);
  }
  await draining;
  const drained = performance.now();
  while (performance.now() - drained < SETTLE_MS && sizeOf(folder) > SMALL_BYTES) await sleep(100);
  const settled = (performance.now() - drained) / 1000;
  const left = sizeOf(folder) / 1e6;
  await driven.stop();
  return [
    {
      what: `spool of ${(BYTES / 1e9).toPrecision(2)} GB: from the start of delivery until it is ready`,
      value: open,
      unit: 'ms',
      atMost: 1000,
    },
    { what: 'its events', value: count, unit: 'events' },
    { what: 'its folder', value: disk, unit: 'MB' },
    { what: 'its folder after it was drained', value: left, unit: 'MB', atMost: SMALL_BYTES / 1e6 },
    { what: 'how long that took after the last event', value: settled, unit: 's' },
    { what: 'memory gained by filling it, without mapped files', value: filled - calm, unit: 'MiB' },
    { what: 'memory gained at most while it drains as fast as it goes', value: peak - calm, unit: 'MiB' },
  ];
}

export async function deliverySpool(): Promise<Figure[]> {
  const { folder, remove } = scratch();
  try {
    return [
      ...(await idle(join(folder, 'idle'))),
      ...(await sideBySide(join(folder, 'beside'))),
      ...(await large(join(folder, 'large'))),
    ];
  } finally {
    remove();
  }
}
