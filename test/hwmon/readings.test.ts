/** Disks that do not answer: a FIFO that nobody writes into blocks its reader as a dying disk does. */
import { execFileSync } from 'node:child_process';
import { closeSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { Chips } from '../../src/hwmon/chips.ts';
import { Readings } from '../../src/hwmon/readings.ts';
import { FakeClock } from '../clock.ts';
import { hostOf, writeFiles } from '../support.ts';

const chipOf = (number: number, disk: string, value: string): Record<string, string> => ({
  [`sys/class/hwmon/hwmon${number}/name`]: 'drivetemp\n',
  [`sys/class/hwmon/hwmon${number}/device/block/${disk}/size`]: '1\n',
  [`sys/class/hwmon/hwmon${number}/temp1_input`]: value,
});

describe('disks', () => {
  test('one that does not answer is left out until it does, and the others are asked', async () => {
    const { host, folder } = hostOf({ ...chipOf(0, 'sda', '1\n'), ...chipOf(1, 'sdb', '2000\n') });
    const fifo = join(folder, 'sys/class/hwmon/hwmon0/temp1_input');
    execFileSync('rm', [fifo]);
    execFileSync('mkfifo', [fifo]);
    const said: string[] = [];
    const voice = { warn: (text: string) => said.push(`warn: ${text}`), info: (text: string) => said.push(`info: ${text}`) };
    const clock = new FakeClock();
    const readings = new Readings(new Chips(host, ['temp']), voice, 600, clock);
    const now = async () => (await readings.read()).map(({ disk, channels }) => [disk, channels[0]?.value?.value]);
    const first = now();
    await clock.advance(300);
    expect(await first).toEqual([
      ['sda', undefined],
      ['sdb', undefined],
    ]);
    // It still hangs, and is not asked again.
    expect(await now()).toEqual([
      ['sda', undefined],
      ['sdb', 2000],
    ]);
    expect(said).toEqual(['warn: no answer from sda, which is left out until there is one']);
    const writer = openSync(fifo, 'w');
    writeSync(writer, '1000\n');
    closeSync(writer);
    await vi.waitFor(() => expect(said).toContain('info: sda answers again'));
    execFileSync('rm', [fifo]);
    writeFiles(folder, chipOf(0, 'sda', '1500\n'));
    expect(await now()).toEqual([
      ['sda', 1500],
      ['sdb', 2000],
    ]);
    readings.close();
  });
});
