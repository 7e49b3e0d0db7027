/** A process that has not run since it was read is read again only at moments at which it may be another than it was. */
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import oneByOne from '../../sensors/process.ts';
import processes from '../../sensors/processes.ts';
import { Host } from '../../src/host.ts';
import { Stillness } from '../../src/process/stillness.ts';
import type { Sampler } from '../../src/sensor.ts';
import { hostOf, open, rowsOf, sample, writeFiles } from '../support.ts';
import { by, ProcFolder } from './proc-folder.ts';

const PAGE = 4096;
const AT_REST = '1200300 4500 12\n';
const STILL = { 'proc/stat': 'procs_running 1\n', 'proc/vmstat': 'pgscan_anon 5\npgscan_file 7\n' };
const OTHERS_RUN = { 'proc/stat': 'procs_running 2\n' };

/** A machine that keeps schedules, with one process that sleeps, one that is about to leave, and enough others that it is worth to ask. */
function machine(): { folder: ProcFolder; host: Host } {
  const folder = new ProcFolder();
  folder.files({ ...STILL, 'proc/self/schedstat': AT_REST });
  for (const pid of [7, 8, ...Array.from({ length: 20 }, (_, i) => 100 + i)]) {
    folder.show({ [pid]: { resident: 1 } });
    folder.files({ [`proc/${pid}/schedstat`]: AT_REST });
  }
  return { folder, host: new Host({ proc: join(folder.folder, 'proc') }) };
}

/** Sampled until nothing is new any more, and then the sleeping process is shown as another than it was, which only who reads it sees. */
async function settled(sampler: Sampler, folder: ProcFolder): Promise<void> {
  for (let i = 0; i < 4; i++) await sample(sampler);
  folder.show({ 7: { resident: 2, state: 'D' } });
}

describe('the sensor process', () => {
  const memory = async (sampler: Sampler): Promise<unknown> =>
    by(await sample(sampler), 'process', 'process.pid')['7']?.['memory.usage'];

  it('leaves one that sleeps as it is while nothing stirs, and reads it at every sixteenth sample', async () => {
    const { folder, host } = machine();
    const sampler = await open(oneByOne, host);
    await settled(sampler, folder);
    const seen: unknown[] = [];
    for (let i = 0; i < 16; i++) seen.push(await memory(sampler));
    expect(seen[0]).toBe(PAGE);
    expect(seen.at(-1)).toBe(2 * PAGE);
    await sampler.close?.();
  });

  it.each([
    ['it has run', { 'proc/7/schedstat': '1200301 4500 13\n' }],
    ['somebody else runs, or it waits for a CPU itself', OTHERS_RUN],
    ['the kernel looked for pages to reclaim', { 'proc/vmstat': 'pgscan_anon 5\npgscan_file 8\n' }],
    ['the kernel does not say whether it did', { 'proc/vmstat': 'pgfault 5\n' }],
  ])('reads it when %s', async (_, files) => {
    const { folder, host } = machine();
    const sampler = await open(oneByOne, host);
    await settled(sampler, folder);
    folder.files(files);
    expect(await memory(sampler)).toBe(2 * PAGE);
    await sampler.close?.();
  });

  it('reads it when one left that may have been its parent', async () => {
    const { folder, host } = machine();
    const sampler = await open(oneByOne, host);
    await settled(sampler, folder);
    folder.show({}, [8]);
    expect([await memory(sampler), await memory(sampler)]).toEqual([PAGE, 2 * PAGE]);
    await sampler.close?.();
  });
});

describe('the sensor processes', () => {
  const blocked = async (sampler: Sampler): Promise<unknown> =>
    rowsOf(await sample(sampler), 'system.process').find((row) => row['process.state'] === 'blocked')?.['count'];

  it.each([
    ['it sleeps while nothing stirs', {}, 0],
    ['it has run', { 'proc/7/schedstat': '1200301 4500 13\n' }, 1],
    ['somebody else runs, or it waits for a CPU itself', OTHERS_RUN, 1],
    ['it cannot be said whether it has run', { 'proc/7/schedstat': `${'1'.repeat(80)}\n` }, 1],
  ])('tells the state of a process as it is when %s', async (_, files, expected) => {
    const { folder, host } = machine();
    const sampler = await open(processes, host);
    await settled(sampler, folder);
    folder.files(files);
    expect(await blocked(sampler)).toBe(expected);
    await sampler.close?.();
  });

  it('reads one that ran when it was read, and those for which no second file may stay open', async () => {
    const { folder, host } = machine();
    const [sampler, cramped] = [await open(processes, host), await open(processes, host, { keep_open: 0 })];
    folder.show({ 7: { state: 'R' } });
    await settled(sampler, folder);
    for (const one of [sampler, cramped]) {
      expect(await blocked(one)).toBe(1);
      await one.close?.();
    }
  });
});

it('memory that was taken while others ran is noticed at the first still moment after it', () => {
  const { host, folder } = hostOf(STILL);
  const stillness = new Stillness(host);
  const ask = async (files: Record<string, string>): Promise<boolean> => {
    writeFiles(folder, files);
    // What is read is kept until this turn is over.
    await Promise.resolve();
    return stillness.untouched();
  };
  return expect(
    (async () => {
      const said = [await ask({}), await ask({}), await ask({ ...OTHERS_RUN, 'proc/vmstat': 'pgscan_anon 9\npgscan_file 7\n' })];
      return [...said, await ask({ 'proc/stat': STILL['proc/stat'] }), await ask({})];
    })(),
  ).resolves.toEqual([false, true, false, false, true]);
});
