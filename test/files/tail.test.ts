/** Logs that are followed: lines as fields, rotation, truncation, restarts, and a random life of a log in which no line is lost or told twice. */
import { appendFileSync, copyFileSync, renameSync, truncateSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { SEED } from '../events.ts';
import { type PlainRow, REPOSITORY, rowsOf, sensorContext } from '../support.ts';
import { folder, watching } from './setup.ts';

const LINES = { 'app.line': { attributes: { line: '/line' }, fields: { one: { path: '/line', as: 'truth' } } } };

/** A followed log: what its lines were, and the row of its counts. */
async function following(root: string, options: object = {}, context = sensorContext()) {
  const file = join(root, 'app.log');
  const { sampler, sampled, said } = await watching(
    root,
    { tail: { app: { path: file, from: 'start', tables: LINES, ...options } } },
    context,
  );
  const read = async (): Promise<string[]> => rowsOf(await sampled(), 'app.line').map(({ line }) => line as string);
  const counts = async (): Promise<PlainRow> => rowsOf(await sampled(), 'files.tail')[0] as PlainRow;
  return { file, read, counts, sampler, said, sampled };
}

describe('lines', () => {
  test('that a pattern fits are counted, with its groups as attributes and numbers', async () => {
    const root = folder();
    copyFileSync(join(REPOSITORY, 'fixtures/files/access.log'), join(root, 'app.log'));
    const { sampled } = await following(root, {
      pattern: '"(?<method>[A-Z]+) [^"]*" (?<status>\\d+) (?<size>\\d+) (?<time>[\\d.]+)$',
      tables: {
        'web.request': {
          attributes: { method: '/method', status: '/status' },
          fields: { size: { path: '/size', unit: 'By' }, duration: { path: '/time', unit: 's' } },
        },
      },
    });
    const tables = await sampled();
    expect(rowsOf(tables, 'files.tail')).toEqual([
      {
        'files.tail': 'app',
        'file.path': join(root, 'app.log'),
        up: 1,
        lines: 4,
        matched: 3,
        overlong: 0,
        rotations: 0,
        truncations: 0,
        lag: 0,
      },
    ]);
    expect(rowsOf(tables, 'web.request')).toEqual([
      { method: 'GET', status: '200', size: 612, duration: 0.004 },
      { method: 'GET', status: '500', size: 17, duration: 1.25 },
      { method: 'POST', status: '201', size: 0, duration: 0.1 },
    ]);
  });

  test('are told once, from the end unless asked otherwise, and half a line waits for its end', async () => {
    const root = folder();
    writeFileSync(join(root, 'app.log'), 'before\n');
    const { file, read, counts } = await following(root, { from: 'end' });
    expect(await read()).toEqual([]);
    appendFileSync(file, 'one\r\ntw');
    expect(await read()).toEqual(['one']);
    expect(await counts()).toMatchObject({ lag: 2 });
    appendFileSync(file, 'o\n');
    expect(await read()).toEqual(['two']);
    expect(await read()).toEqual([]);
  });

  test('that are too long are counted and left out', async () => {
    const root = folder();
    const { file, read, counts } = await following(root, { max_line: 64 });
    writeFileSync(file, `a\n${'x'.repeat(200_000)}`);
    expect(await read()).toEqual(['a']);
    appendFileSync(file, `${'x'.repeat(100)}\n${'y'.repeat(64)}\n${'z'.repeat(65)}\nb\n`);
    expect(await read()).toEqual(['y'.repeat(64), 'b']);
    expect(await counts()).toMatchObject({ lines: 3, overlong: 2 });
  });

  test('more than may be read at a sample wait for the next', async () => {
    const root = folder();
    const { file, read } = await following(root, { max_read: 65_536, max_rows: 100_000 });
    const all = Array.from({ length: 30_000 }, (_, i) => `line ${i}`);
    writeFileSync(file, `${all.join('\n')}\n`);
    const seen = await read();
    expect(seen.length).toBeLessThan(all.length);
    for (let last = 1; last > 0; ) {
      const more = await read();
      last = more.length;
      seen.push(...more);
    }
    expect(seen).toEqual(all);
  });
});

describe('a log that', () => {
  test('is rotated is read to its end, and the new one from its start', async () => {
    const root = folder();
    const { file, read, counts } = await following(root);
    writeFileSync(file, 'one\n');
    expect(await read()).toEqual(['one']);
    appendFileSync(file, 'two\n');
    renameSync(file, `${file}.1`);
    appendFileSync(`${file}.1`, 'three\n');
    expect(await read()).toEqual(['two', 'three']);
    appendFileSync(`${file}.1`, 'four\n');
    writeFileSync(file, 'five\n');
    expect(await read()).toEqual(['four', 'five']);
    expect(await counts()).toMatchObject({ rotations: 1, truncations: 0, up: 1 });
  });

  test('is truncated, or written anew in place, is read from its start', async () => {
    const root = folder();
    const { file, read, counts } = await following(root);
    writeFileSync(file, 'one\ntwo\n');
    await read();
    copyFileSync(file, `${file}.1`);
    truncateSync(file);
    appendFileSync(file, 'a\n');
    expect(await read()).toEqual(['a']);
    writeFileSync(file, 'other, and longer than what was there\n');
    expect(await read()).toEqual(['other, and longer than what was there']);
    expect(await counts()).toMatchObject({ truncations: 2, rotations: 0 });
  });

  test('is not there is no error, and is read from its start when it comes', async () => {
    const root = folder();
    const { file, read, counts, said } = await following(root, { from: 'end' });
    expect(await counts()).toMatchObject({ up: 0, lines: 0 });
    writeFileSync(file, 'one\n');
    expect(await read()).toEqual(['one']);
    expect(said).toEqual([]);
  });

  test('was written to, and rotated, while the service was away, goes on where it was', async () => {
    const root = folder();
    const context = sensorContext();
    const first = await following(root, {}, context);
    writeFileSync(first.file, 'one\n');
    expect(await first.read()).toEqual(['one']);
    await first.sampler.close?.();
    appendFileSync(first.file, 'two\n');
    const second = await following(root, {}, context);
    expect(await second.read()).toEqual(['two']);
    await second.sampler.close?.();
    appendFileSync(first.file, 'three\n');
    renameSync(first.file, `${first.file}.1`);
    writeFileSync(first.file, 'four\n');
    const third = await following(root, { from: 'end' }, context);
    expect(await third.read()).toEqual(['three', 'four']);
    await third.sampler.close?.();
    unlinkSync(first.file);
    writeFileSync(first.file, 'five\n');
    const fourth = await following(root, { from: 'end' }, context);
    expect(await fourth.read()).toEqual(['five']);
  });

  test('was read by a service that was killed has the lines of the last sample told again, and none lost', async () => {
    const root = folder();
    const context = sensorContext();
    const first = await following(root, {}, context);
    writeFileSync(first.file, 'one\n');
    await first.read();
    appendFileSync(first.file, 'two\n');
    await first.read();
    // Not closed: what is kept is what it had kept.
    const second = await following(root, {}, context);
    expect(await second.read()).toEqual(['two']);
  });
});

test(`a random life: whatever is written, rotated and restarted, every whole line is told once and in order (seed ${SEED})`, async () => {
  const action = fc.oneof(
    { weight: 4, arbitrary: fc.record({ write: fc.integer({ min: 1, max: 3 }) }) },
    { weight: 3, arbitrary: fc.constant('sample' as const) },
    { weight: 1, arbitrary: fc.constant('rotate' as const) },
    { weight: 1, arbitrary: fc.constant('restart' as const) },
  );
  await fc.assert(
    fc.asyncProperty(fc.array(action, { maxLength: 40 }), async (actions) => {
      const root = folder();
      const context = sensorContext();
      let tail = await following(root, {}, context);
      writeFileSync(tail.file, '');
      const seen: string[] = [];
      let written = 0;
      let rotated = 0;
      // The first of it is read, so that its position is known.
      seen.push(...(await tail.read()));
      for (const one of actions) {
        if (one === 'sample') seen.push(...(await tail.read()));
        else if (one === 'rotate') {
          // Two rotations between two samples lose the file in the middle, which the documentation says.
          seen.push(...(await tail.read()));
          renameSync(tail.file, `${tail.file}.${++rotated}`);
          writeFileSync(tail.file, '');
        } else if (one === 'restart') {
          await tail.sampler.close?.();
          tail = await following(root, {}, context);
        } else for (let i = 0; i < one.write; i++) appendFileSync(tail.file, `line ${++written}\n`);
      }
      seen.push(...(await tail.read()));
      expect(seen).toEqual(Array.from({ length: written }, (_, i) => `line ${i + 1}`));
    }),
    { numRuns: 40, seed: SEED },
  );
}, 60_000);
