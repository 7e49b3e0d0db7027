/** Old files: when a file becomes one, its name, its compression, and how long it is kept. */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it, vi } from 'vitest';
import { FakeClock } from '../clock.ts';
import { decoded, diskEvent, diskEvents, patient } from '../sink-events.ts';
import { allEvents, eventsIn, fileSinkOf, oldFiles } from './files.ts';
import { connected, freshPaths, refusalOf } from './support.ts';

const freshPath = freshPaths();
const inFolder = (path: string): string[] => readdirSync(dirname(path)).sort();

/** A name as the sink gives it, the nth of a day, beside the path. */
const oldName = (n: number, ending = ''): string => `events-20260102T0304${`${n}`.padStart(2, '0')}.000Z.ndjson${ending}`;

/** A folder with files of these names; `.gz` ones are compressed, and each holds one event. */
function folderWith(names: readonly string[]): string {
  const path = freshPath();
  mkdirSync(dirname(path));
  names.forEach((name, i) => {
    const line = `${JSON.stringify(decoded([diskEvent(i + 1)])[0])}\n`;
    writeFileSync(join(dirname(path), name), name.endsWith('.gz') ? gzipSync(line) : line);
  });
  return path;
}

/** Starts and closes a sink, after what it does in the background has come about. */
async function started(options: Record<string, unknown> & { path: string }, then: () => void): Promise<string[]> {
  const warnings: string[] = [];
  const sink = await connected(options, { warnings });
  await vi.waitFor(then, { timeout: 10_000 });
  await sink.close();
  return warnings;
}

describe('file: rotation', () => {
  it('begins a new file before one grows beyond max_bytes; a larger batch has one of its own', async () => {
    const path = freshPath();
    const sink = await connected({ path, compress: 'none', rotate: { max_bytes: 2000 } });
    const sizes = [1, 1, 1, 1, 1, 30, 1, 1];
    let n = 1;
    for (const size of sizes) {
      await sink.write(diskEvents(size, n), patient());
      n += size;
    }
    const counts = [...oldFiles(path).map((name) => join(dirname(path), name)), path].map((file) => eventsIn(file).length);
    const each = Math.floor(2000 / (statSync(path).size / 2));
    expect(counts).toEqual([each, 5 - each, 30, 2]);
    expect(allEvents(path)).toEqual(decoded(diskEvents(37)));
  });

  it('never happens with max_bytes 0, nor to an empty file', async () => {
    const path = freshPath();
    const sink = await connected({ path, rotate: { max_bytes: 0 } });
    await sink.write(diskEvents(100), patient());
    await sink.write(diskEvents(100, 101), patient());
    expect(oldFiles(path)).toEqual([]);
  });

  it('goes by age too, of the file and not of the process', async () => {
    const path = freshPath();
    const clock = new FakeClock();
    clock.jump(Date.now() - clock.wall());
    for (const [n, hours] of [0, 0.9, 0.2, 0.1].entries()) {
      clock.jump(hours * 3_600_000);
      const sink = await connected({ path, compress: 'none', rotate: { max_age: '1h' } }, { clock });
      await sink.write(diskEvents(1, n + 1), patient());
      await sink.close();
    }
    // The third write came 1.1 hours after the file was made. The new one was made just now, by a clock that the test does not own.
    expect(eventsIn(join(dirname(path), oldFiles(path)[0] as string))).toEqual(decoded(diskEvents(2)));
    expect(allEvents(path)).toEqual(decoded(diskEvents(4)));
  });

  it('names sort by time when the clock stands still, goes back, and after a restart', async () => {
    const path = freshPath();
    const clock = new FakeClock();
    for (const [n, jump] of [0, 0, -3_600_000, 10, -1e9].entries()) {
      clock.jump(jump);
      const sink = await connected({ path, compress: n % 2 ? 'gzip' : 'none', rotate: { max_bytes: 1 } }, { clock });
      await sink.write(diskEvents(1, 2 * n + 1), patient());
      await sink.write(diskEvents(1, 2 * n + 2), patient());
      await sink.close();
    }
    expect(oldFiles(path)[0]).toMatch(/^events-20251123T000000\.000Z\.ndjson/);
    expect(oldFiles(path)).toHaveLength(9);
    expect(allEvents(path)).toEqual(decoded(diskEvents(10)));
  });

  it('that fails refuses the batch and loses nothing', async () => {
    const path = freshPath();
    const sink = await connected({ path, compress: 'none', rotate: { max_bytes: 1 } }, { clock: new FakeClock() });
    await sink.write(diskEvents(1), patient());
    const obstacle = join(dirname(path), 'events-20251123T000000.000Z.ndjson');
    mkdirSync(obstacle);
    expect((await refusalOf(sink.write(diskEvents(1, 2), patient()))).message).toContain('EISDIR');
    rmSync(obstacle, { recursive: true });
    await sink.write(diskEvents(1, 2), patient());
    expect(allEvents(path)).toEqual(decoded(diskEvents(2)));
  });
});

describe('file: compression', () => {
  it('happens in the background, keeps permissions and time, and leaves nothing else', async () => {
    const path = freshPath();
    const sink = await connected({ path, mode: '0666', rotate: { max_bytes: 1 } }, { clock: new FakeClock() });
    await sink.write(diskEvents(500), patient());
    const { mtimeMs } = statSync(path);
    await sink.write(diskEvents(1, 501), patient());
    const old = 'events-20251123T000000.000Z.ndjson.gz';
    await vi.waitFor(() => expect(inFolder(path)).toEqual([old, 'events.ndjson']), { timeout: 10_000 });
    const { mode, mtimeMs: oldMtime } = statSync(join(dirname(path), old));
    expect(mode & 0o777).toBe(0o666);
    // utimes takes seconds as a double, which may round a millisecond away.
    expect(Math.abs(oldMtime - mtimeMs)).toBeLessThanOrEqual(1);
    expect(allEvents(path)).toEqual(decoded(diskEvents(501)));
  });

  it('is finished at the next start, whatever a crash left half done', async () => {
    const path = folderWith([oldName(1, '.gz'), oldName(2), oldName(3)]);
    // The first was finished but for the removal of its input, the second was under way.
    writeFileSync(join(dirname(path), oldName(1)), 'no longer needed');
    writeFileSync(join(dirname(path), oldName(2, '.gz.tmp')), 'half of it');
    const done = [oldName(1, '.gz'), oldName(2, '.gz'), oldName(3, '.gz'), 'events.ndjson'];
    expect(await started({ path }, () => expect(inFolder(path)).toEqual(done))).toEqual([]);
    expect(allEvents(path)).toEqual(decoded(diskEvents(3)));
  });

  it('is given up when the sink is closed, and then every old file is whole, in one form', async () => {
    const path = folderWith([]);
    const big = join(dirname(path), oldName(1));
    writeFileSync(big, `${JSON.stringify(decoded([diskEvent(1, 400_000)])[0])}\n`);
    const sink = await connected({ path });
    await vi.waitFor(() => expect(existsSync(`${big}.gz.tmp`)).toBe(true), { interval: 1 });
    await sink.close();
    expect(existsSync(`${big}.gz.tmp`)).toBe(false);
    expect(eventsIn(join(dirname(path), oldFiles(path)[0] as string))[0]?.rows).toBe(400_000);
  });

  it('that fails is said once, and keeps the file as it is', async () => {
    const path = folderWith([oldName(1)]);
    mkdirSync(join(dirname(path), oldName(1, '.gz')));
    const warnings: string[] = [];
    const sink = await connected({ path, rotate: { max_bytes: 1 } }, { warnings });
    for (let n = 1; n <= 3; n++) await sink.write(diskEvents(1, n), patient());
    await vi.waitFor(() => expect(inFolder(path).filter((name) => name.endsWith('.gz'))).toHaveLength(1 + 2), {
      timeout: 10_000,
    });
    await sink.close();
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toMatch(/^old files of .* are not tidied: EISDIR/);
    expect(existsSync(join(dirname(path), oldName(1)))).toBe(true);
  });
});

describe('file: retention', () => {
  const ours = [1, 2, 3, 4, 5].map((n) => oldName(n, n % 2 ? '.gz' : ''));
  /** Names that are almost ours. */
  const others = [
    'events-old.ndjson',
    'events-20260102T030401.000Z.json',
    'events-20260102T030401.000Z.ndjson.bak',
    'events-20260102T030401.000Z.ndjson.gz.1',
    'events-20261402T030401.000Z.ndjson',
    'events-20260102T030401Z.ndjson',
    'events-20260102T030401.000Z-1.ndjson',
    'other-20260102T030401.000Z.ndjson',
    'xevents-20260102T030401.000Z.ndjson',
    'events.ndjson.torn-1',
    'events.ndjson.1',
  ];

  it.each([0, 1, 3, 5, 6])('keeps the newest %d, and everything that is not ours', async (keep) => {
    const path = folderWith([...ours, ...others]);
    mkdirSync(join(dirname(path), oldName(0)));
    const left = [...ours.slice(Math.max(0, 5 - keep)), ...others, oldName(0), 'events.ndjson'].sort();
    await started({ path, compress: 'none', rotate: { keep } }, () => expect(inFolder(path)).toEqual(left));
  });

  it('keeps the newest that fit into keep_bytes, counted as they are', async () => {
    const path = folderWith(ours);
    const sizes = ours.map((name) => statSync(join(dirname(path), name)).size);
    const keep_bytes = sizes.slice(2).reduce((sum, size) => sum + size, 0);
    for (const [bytes, count] of [
      [keep_bytes, 3],
      [keep_bytes - 1, 2],
    ] as const) {
      const left = [...ours.slice(5 - count), 'events.ndjson'];
      await started({ path, compress: 'none', rotate: { keep_bytes: bytes } }, () => expect(inFolder(path)).toEqual(left));
    }
  });

  it('goes by the name and not by the time of the file', async () => {
    const path = folderWith(ours);
    utimesSync(join(dirname(path), ours[0] as string), new Date(), new Date());
    await started({ path, compress: 'none', rotate: { keep: 1 } }, () =>
      expect(inFolder(path)).toEqual([ours[4], 'events.ndjson']),
    );
  });

  it('holds while it rotates', async () => {
    const path = freshPath();
    const sink = fileSinkOf({ path, compress: 'none', rotate: { max_bytes: 1, keep: 2 } });
    await sink.connect(patient());
    for (let n = 1; n <= 20; n++) await sink.write(diskEvents(1, n), patient());
    await vi.waitFor(() => expect(oldFiles(path)).toHaveLength(2), { timeout: 10_000 });
    await sink.close();
    expect(allEvents(path)).toEqual(decoded(diskEvents(3, 18)));
    expect(readFileSync(path, 'utf8').split('\n')).toHaveLength(2);
  });
});
