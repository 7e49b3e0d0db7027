/** Random batches, rotations, failures and crashes against a naive model; and a process that is really killed, a disk that is really full. */
import { execFile, execFileSync, spawn } from 'node:child_process';
import { appendFileSync, existsSync, mkdirSync, readFileSync, statSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { JsonEncoder } from '../../src/codec/json.ts';
import { MsgpackEncoder } from '../../src/codec/msgpack.ts';
import type { TideEvent } from '../../src/event.ts';
import type { FileFormat } from '../../src/file/tail.ts';
import { FakeClock } from '../clock.ts';
import { SEED } from '../events.ts';
import { decoded, diskEvent, diskEvents, oddEvent, patient } from '../sink-events.ts';
import { temporaryFolder } from '../temporary.ts';
import { allEvents, fileSinkOf } from './files.ts';
import { type Faults, faulty, freshPaths, fullAfter, refusalOf } from './support.ts';

const freshPath = freshPaths();

type Step =
  | { readonly do: 'write'; readonly rows: readonly number[] }
  | { readonly do: 'fail'; readonly rows: readonly number[]; readonly at: number }
  | { readonly do: 'crash'; readonly left: number; readonly zeros: number }
  | { readonly do: 'jump'; readonly ms: number };

const rows = fc.array(fc.integer({ min: -1, max: 6 }), { minLength: 1, maxLength: 6 });
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('write' as const), rows }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('fail' as const), rows, at: fc.double({ min: 0, max: 1, noNaN: true }) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('crash' as const),
      left: fc.oneof(fc.constant(1), fc.double({ min: 0, max: 1, noNaN: true })),
      zeros: fc.constantFrom(0, 0, 5000),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('jump' as const), ms: fc.integer({ min: -10_000, max: 10_000 }) }) },
);

/** What must be in the files, kept the simplest way. */
class Model {
  old: TideEvent[] = [];
  active: { event: TideEvent; size: number; last: number }[] = [];
  readonly #json = new JsonEncoder();
  readonly #msgpack = new MsgpackEncoder();
  readonly #format: FileFormat;
  readonly #max: number;

  constructor(format: FileFormat, max: number) {
    this.#format = format;
    this.#max = max;
  }

  encode(event: TideEvent): Buffer {
    return this.#format === 'ndjson' ? Buffer.from(`${this.#json.encode(event)}\n`) : this.#msgpack.encode(event);
  }

  get size(): number {
    return this.active.reduce((sum, { size }) => sum + size, 0);
  }

  write(batch: readonly TideEvent[], taken: boolean): void {
    const added = batch.map((event) => {
      const bytes = this.encode(event);
      return { event, size: bytes.length, last: bytes.at(-1) as number };
    });
    const bytes = added.reduce((sum, { size }) => sum + size, 0);
    if (this.active.length > 0 && this.size + bytes > this.#max) {
      this.old.push(...this.active.map(({ event }) => event));
      this.active = [];
    }
    if (taken) this.active.push(...added);
  }

  /** The file is cut to that many bytes, and zeros may follow. */
  cut(bytes: number, zeros: boolean): void {
    let end = 0;
    this.active = this.active.filter(({ size, last }) => {
      end += size;
      // A line needs no newline to be whole, but behind zeros it cannot be told from a torn one.
      if (this.#format === 'ndjson') return end <= bytes || (end - 1 === bytes && !zeros);
      // Nor can an event that ends with a zero.
      return end < bytes || (end === bytes && !(zeros && last === 0));
    });
  }

  get events(): TideEvent[] {
    return [...this.old, ...this.active.map(({ event }) => event)];
  }
}

async function play(format: FileFormat, compress: string, max: number, steps: readonly Step[]): Promise<void> {
  const path = freshPath(`events.${format}`);
  const [faults, clock, model]: [Faults, FakeClock, Model] = [{}, new FakeClock(), new Model(format, max)];
  const options = { path, format, compress, fsync: 'never', rotate: { max_bytes: max, keep: 1000 } };
  let sink = fileSinkOf(options, { open: faulty(faults), clock });
  await sink.connect(patient());
  let n = 0;
  const batchOf = (sizes: readonly number[]): TideEvent[] =>
    sizes.map((size) => (size < 0 ? oddEvent(++n) : diskEvent(++n, size)));
  for (const now of steps) {
    if (now.do === 'jump') clock.jump(now.ms);
    else if (now.do === 'crash') {
      await sink.close();
      const left = Math.floor(now.left * statSync(path).size);
      truncateSync(path, left);
      appendFileSync(path, Buffer.alloc(now.zeros));
      model.cut(left, now.zeros > 0);
      sink = fileSinkOf(options, { open: faulty(faults), clock });
      await sink.connect(patient());
    } else {
      const batch = batchOf(now.rows);
      const bytes = batch.reduce((sum, event) => sum + model.encode(event).length, 0);
      if (now.do === 'fail') Object.assign(faults, fullAfter(Math.min(bytes - 1, Math.floor(now.at * bytes))));
      const { code } = await refusalOf(sink.write(batch, patient()));
      expect(code).toBe(now.do === 'fail' ? 'transient' : 'none');
      delete faults.write;
      model.write(batch, now.do === 'write');
    }
  }
  await sink.close();
  expect(allEvents(path)).toEqual(decoded(model.events));
}

describe('file: random batches, rotations, failures and crashes', () => {
  it(`leave every event that was delivered and whose bytes survive, in order, once (seed ${SEED})`, {
    timeout: 120_000,
  }, async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom<FileFormat>('ndjson', 'msgpack'),
        fc.constantFrom('gzip', 'none'),
        fc.integer({ min: 1, max: 6000 }),
        fc.array(step, { maxLength: 25 }),
        play,
      ),
      { seed: SEED, numRuns: 150 },
    );
  });
});

describe('file: a killed process', () => {
  it('has lost nothing of what it was told is delivered, and repeated nothing', async () => {
    const path = freshPath();
    const writer = spawn(process.execPath, [join(import.meta.dirname, 'endless-writer.ts'), path], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let delivered = 0;
    for await (const line of createInterface(writer.stdout)) {
      delivered = Number(line);
      if (delivered >= 3000) writer.kill('SIGKILL');
    }
    const sink = fileSinkOf({ path });
    await sink.connect(patient());
    await sink.close();
    const events = allEvents(path);
    expect(events.length).toBeGreaterThanOrEqual(delivered);
    expect(delivered).toBeGreaterThanOrEqual(3000);
    expect(events).toEqual(decoded(diskEvents(events.length)));
  });
});

const mountPoint = temporaryFolder();

/** Whether this process may mount a filesystem of its own. */
const mounts = ((): boolean => {
  try {
    execFileSync('unshare', ['-m', 'mount', '-t', 'tmpfs', 'tmpfs', mountPoint], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
})();

describe.skipIf(!mounts || !existsSync('/proc/self/mounts'))(
  'file: a full disk (needs the right to mount a tmpfs, and /proc)',
  () => {
    it.each(['ndjson', 'msgpack'])('takes nothing of a batch of %s, and all of it when there is room again', async (format) => {
      const folder = join(mountPoint, format);
      mkdirSync(folder);
      const script = join(import.meta.dirname, 'full-disk.ts');
      const command = `mount -t tmpfs -o size=1m tmpfs ${folder} && exec ${process.execPath} ${script} ${folder} ${format}`;
      const { stdout } = await promisify(execFile)('unshare', ['-m', 'sh', '-c', command]);
      const path = join(folder, `events.${format}`);
      expect(JSON.parse(stdout)).toEqual({
        code: 'transient',
        message: `cannot write ${path}: ENOSPC: no space left on device, write`,
        sameBytes: true,
        onlyWhole: true,
        after: 'every event once, in order',
        warnings: [],
      });
      expect(existsSync(path), 'the filesystem was private to the process').toBe(false);
      expect(readFileSync('/proc/self/mounts', 'utf8')).not.toContain(folder);
    });
  },
);
