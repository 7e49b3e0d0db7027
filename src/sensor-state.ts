/**
 * What a sensor keeps from one run to the next: `<state>/sensors/<name>.json`, one small value a sensor.
 *
 * Written whole into a file beside it, synced and renamed, so that after a power cut there is the old value or the new one. One write at a
 * time; of the values that come meanwhile the last is written. What cannot be read is said and counts as nothing; what cannot be written is
 * said once and the sensor goes on.
 */
import { readFileSync } from 'node:fs';
import { mkdir, open, rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, errno } from './errors.ts';
import type { SensorState } from './sensor.ts';

const fileOf = (stateDir: string, name: string): string => join(stateDir, 'sensors', `${name}.json`);

/** The state of one instance; `warn` is told what goes wrong. */
export function sensorState(stateDir: string, name: string, warn: (message: string) => void): SensorState {
  const file = fileOf(stateDir, name);
  let complaint: string | undefined;
  let next: { value: unknown } | undefined;
  let writing: Promise<void> | undefined;
  const writeAll = async (): Promise<void> => {
    while (next) {
      const { value } = next;
      next = undefined;
      try {
        await writeWhole(file, JSON.stringify(value));
        complaint = undefined;
      } catch (error) {
        const why = describe(error);
        if (why !== complaint) warn(`its state cannot be kept: ${why}`);
        complaint = why;
      }
    }
    writing = undefined;
  };
  return {
    load: () => load(file, warn),
    save: (value) => {
      next = { value };
      writing ??= writeAll();
      return writing;
    },
  };
}

/** For one look at what a service keeps: nothing is written. */
export function sensorStateToRead(stateDir: string, name: string, warn: (message: string) => void): SensorState {
  return { load: () => load(fileOf(stateDir, name), warn), save: async () => {} };
}

function load(file: string, warn: (message: string) => void): unknown {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as unknown;
  } catch (error) {
    if (errno(error) !== 'ENOENT') warn(`its state in ${file} cannot be read and is forgotten: ${describe(error)}`);
    return undefined;
  }
}

async function writeWhole(file: string, text: string): Promise<void> {
  await mkdir(dirname(file), { mode: 0o750 }).catch((error: unknown) => {
    if (errno(error) !== 'EEXIST') throw error;
  });
  const beside = `${file}.new`;
  const handle = await open(beside, 'w', 0o640);
  try {
    await handle.writeFile(`${text}\n`);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(beside, file);
}
