/** What tests of commands share: an opened sensor that is closed after each test, and whether a process still runs. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, vi } from 'vitest';
import sensor from '../../sensors/command.ts';
import { Host } from '../../src/host.ts';
import type { Sampler } from '../../src/sensor.ts';
import { open, type PlainRow, type PlainTable, rowsOf, sample, sensorContext } from '../support.ts';

/** The longest that a condition is waited for, in milliseconds: no test takes that long unless it fails. */
export const PATIENCE = { timeout: 20_000, interval: 20 };

const opened: Sampler[] = [];
const folders: string[] = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map(async (sampler) => await sampler.close?.()));
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

export function folder(): string {
  const made = mkdtempSync(join(tmpdir(), 'tidegate-command-'));
  folders.push(made);
  return made;
}

export async function command(options: object, timeout = 20_000) {
  const said: string[] = [];
  const say = (message: string): void => void said.push(message);
  const sampler = await open(sensor, new Host(), options, sensorContext({ timeout, warn: say, info: say }));
  opened.push(sampler);
  return { said, sampler, sampled: (time = 0): Promise<PlainTable[]> => sample(sampler, time) };
}

export const runOf = (tables: readonly PlainTable[]): PlainRow => rowsOf(tables, 'command.run')[0] as PlainRow;
export const errorOf = (tables: readonly PlainTable[]): PlainRow | undefined => rowsOf(tables, 'command.error')[0];

/** Whether a process still runs: one that is dead and was not waited for does not. */
export function runs(pid: number): boolean {
  if (!existsSync(`/proc/${pid}/stat`)) return false;
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  return !/^[ZX]/.test(stat.slice(stat.lastIndexOf(')') + 2));
}

/** The number that a process writes into a file, when it has. */
export const pidIn = (file: string): Promise<number> =>
  vi.waitFor(() => {
    const pid = Number(readFileSync(file, 'utf8'));
    expect(pid).toBeGreaterThan(0);
    return pid;
  }, PATIENCE);

export const gone = (pid: number): Promise<void> => vi.waitFor(() => expect(runs(pid)).toBe(false), PATIENCE);
