/** The spool's store beside bare LevelDB: the same records written, read and deleted in the same batches; the opening, the folder, memory. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Level } from 'level';
import { openLevelStore } from '../src/delivery/level-store.ts';
import type { KeyRange } from '../src/delivery/store.ts';
import { type Figure, median, scratch } from './measure.ts';

const BATCH = 200;
const READ = 500;
const PLENTY = 1 << 30;

const keyOf = (n: number): Buffer => {
  const bytes = Buffer.alloc(9);
  bytes.writeBigUInt64BE(BigInt(n), 1);
  return bytes;
};
const rangeOf = (from: number, to: number): KeyRange => ({ from: keyOf(from), to: keyOf(to) });

/** Values of about 1 KB as telemetry is encoded: much of it the same, numbers that are not. */
function values(count: number): Buffer[] {
  let state = 1;
  const random = (): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state;
  };
  return Array.from({ length: count }, (_, n) => {
    const numbers = (): number[] => Array.from({ length: 8 }, () => random() * 1000);
    const fields = Object.fromEntries(
      ['io', 'operations', 'operation_time', 'merged', 'weighted_io_time'].map((name) => [
        name,
        { kind: 'counter', unit: 'By', values: numbers() },
      ]),
    );
    const event = {
      id: `edge-7/${random()}/${n}`,
      type: 'system.disk',
      time: 1_763_856_000_000 + n,
      host: 'edge-7',
      rows: 8,
      fields,
    };
    return Buffer.from(JSON.stringify(event));
  });
}

/** A store as the bench drives it. */
interface Driven {
  write(changes: readonly { key: Buffer; value?: Buffer }[]): Promise<void>;
  read(range: KeyRange, max: number): Promise<[Buffer, Buffer][]>;
  close(): Promise<void>;
}

async function bare(folder: string): Promise<Driven> {
  const options = { keyEncoding: 'buffer', valueEncoding: 'buffer' } as const;
  const database = new Level<Buffer, Buffer>(folder, options);
  await database.open();
  return {
    async write(changes) {
      await database.batch(
        changes.map(({ key, value }) => (value ? { type: 'put' as const, key, value } : { type: 'del' as const, key })),
      );
    },
    async read({ from, to }, max) {
      const iterator = database.iterator({ gte: from, lt: to, highWaterMarkBytes: 1 << 20 });
      const entries = await iterator.nextv(max);
      await iterator.close();
      return entries;
    },
    close: async () => await database.close(),
  };
}

async function ours(folder: string): Promise<Driven> {
  const { store } = await openLevelStore(folder, { minFree: 0 });
  return {
    write: async (changes) => await store.write(changes, false),
    read: async (range, max) => await store.read(range, max, PLENTY),
    close: async () => await store.close(),
  };
}

async function fill(store: Driven, pool: readonly Buffer[], from: number, to: number): Promise<void> {
  for (let n = from; n < to; n += BATCH) {
    await store.write(
      Array.from({ length: BATCH }, (_, i) => ({ key: keyOf(n + i), value: pool[(n + i) % pool.length] as Buffer })),
    );
  }
}

/** Reads from the front and deletes what was read, as the drain does. */
async function drain(store: Driven, from: number, to: number): Promise<void> {
  for (let n = from; n < to; ) {
    const entries = await store.read(rangeOf(n, Math.min(to, n + READ)), READ);
    if (entries.length === 0) throw new Error(`nothing to read at ${n}`);
    await store.write(entries.map(([key]) => ({ key })));
    n += entries.length;
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

const residentMiB = (): number => Number(/VmRSS:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]) / 1024;

/** Turn by turn, so that both see the same machine. CPU microseconds, by store. */
async function sideBySide(folder: string, pool: readonly Buffer[], count: number, rounds: number): Promise<Figure[]> {
  const stores = { bare: await bare(join(folder, 'bare')), ours: await ours(join(folder, 'ours')) };
  const ratios: { cpu: number[]; wall: number[] } = { cpu: [], wall: [] };
  for (let round = 0; round < rounds; round++) {
    const from = round * count;
    const run = async (store: Driven): Promise<Cost> =>
      await costOf(async () => {
        await fill(store, pool, from, from + count);
        await drain(store, from, from + count);
      });
    const [a, b] = [await run(stores.bare), await run(stores.ours)];
    // The first round warms up.
    if (round > 0) {
      ratios.cpu.push(a.cpu / b.cpu);
      ratios.wall.push(a.wall / b.wall);
    }
  }
  await stores.bare.close();
  await stores.ours.close();
  return [
    { what: 'spool store: events per CPU second, of bare LevelDB’s', value: 100 * median(ratios.cpu), unit: '%', atLeast: 90 },
    { what: 'spool store: events per second, of bare LevelDB’s', value: 100 * median(ratios.wall), unit: '%', atLeast: 70 },
  ];
}

/** 1 GB of values: opening, draining, the folder behind it. */
async function large(folder: string, pool: readonly Buffer[], bytes: number): Promise<Figure[]> {
  const each = pool.reduce((sum, { length }) => sum + length, 0) / pool.length;
  const count = BATCH * Math.ceil(bytes / each / BATCH);
  const options = { minFree: 0 };
  const before = residentMiB();
  const store = await ours(folder);
  await fill(store, pool, 0, count);
  const filled = residentMiB();
  await store.close();
  const wall = performance.now();
  const opened = await openLevelStore(folder, options);
  const open = performance.now() - wall;
  const disk = (await opened.store.sizeOnDisk()) / 1e6;
  let peak = 0;
  for (let n = 0; n < count; n += READ) {
    const entries = await opened.store.read(rangeOf(n, Math.min(count, n + READ)), READ, PLENTY);
    await opened.store.write(
      entries.map(([key]) => ({ key })),
      false,
    );
    peak = Math.max(peak, residentMiB());
  }
  const compaction = await costOf(async () => await opened.store.compact(rangeOf(0, count)));
  const left = (await opened.store.sizeOnDisk()) / 1e6;
  await opened.store.close();
  return [
    { what: 'spool store: opening 1 GB', value: open, unit: 'ms', atMost: 1000 },
    { what: 'spool store: folder with 1 GB of events', value: disk, unit: 'MB' },
    { what: 'spool store: folder after 1 GB was drained', value: left, unit: 'MB', atMost: 50 },
    { what: 'spool store: compacting after 1 GB was drained, CPU', value: compaction.cpu / 1000, unit: 'ms' },
    { what: 'spool store: memory gained by writing 1 GB', value: filled - before, unit: 'MiB' },
    { what: 'spool store: memory gained at most while 1 GB drained', value: peak - before, unit: 'MiB' },
  ];
}

export async function spoolFigures(): Promise<Figure[]> {
  const { folder, remove } = scratch();
  try {
    const pool = values(2000);
    return [
      ...(await large(join(folder, 'large'), pool, Number(process.env['BENCH_SPOOL_BYTES'] ?? 1e9))),
      ...(await sideBySide(folder, pool, 40_000, 4)),
    ];
  } finally {
    remove();
  }
}
