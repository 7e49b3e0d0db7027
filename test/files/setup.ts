/** What tests of files share: a folder of real files, and an opened sensor over it that is closed after each test. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, vi } from 'vitest';
import sensor from '../../sensors/files.ts';
import { Host } from '../../src/host.ts';
import type { Sampler, SensorContext } from '../../src/sensor.ts';
import { open, type PlainRow, type PlainTable, rowsOf, sample, sensorContext } from '../support.ts';

/** The longest that a condition is waited for, in milliseconds: no test takes that long unless it fails. */
const PATIENCE = { timeout: 20_000, interval: 20 };

const opened: Sampler[] = [];
const folders: string[] = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map(async (sampler) => await sampler.close?.()));
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

export function folder(): string {
  const made = mkdtempSync(join(tmpdir(), 'tidegate-files-'));
  folders.push(made);
  return made;
}

/** A change without what is no two times the same: kind, path below the folder, path before. */
export type Told = readonly [kind: string, path: string, before?: string];

export async function watching(root: string, options: object, context: SensorContext = sensorContext()) {
  const said: string[] = [];
  const say = (message: string): void => void said.push(message);
  const sampler = await open(sensor, new Host(), options, { ...context, warn: say, info: say });
  opened.push(sampler);
  const told: Told[] = [];
  const rows: PlainRow[] = [];
  let last: PlainTable[] = [];
  const short = (path: unknown): string => String(path).replace(`${root}/`, '');
  const sampled = async (time = Date.now()): Promise<PlainTable[]> => {
    last = await sample(sampler, time);
    for (const row of rowsOf(last, 'files.change')) {
      rows.push(row);
      const before = row['file.path.before'] === '' ? [] : [short(row['file.path.before'])];
      told.push([String(row['files.change']), short(row['file.path']), ...before] as unknown as Told);
    }
    return last;
  };
  /** Samples until all of these were told, in whatever order, and forgets them. Fails when anything else was told. */
  const tells = async (...wanted: Told[]): Promise<void> => {
    await vi.waitFor(async () => {
      await sampled();
      expect(told.map((one) => one.join(' < ')).toSorted()).toEqual(wanted.map((one) => one.join(' < ')).toSorted());
    }, PATIENCE);
    told.length = 0;
  };
  return { sampler, said, sampled, told, rows, tells, last: () => last };
}
