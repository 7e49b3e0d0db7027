import { describe, expect, test } from 'vitest';
import modules from '../../sensors/modules.ts';
import { hostOf, open, sample, sampleOnce, writeFiles } from '../support.ts';

const FILE = 'proc/modules';
const LINES = ['fat 86016 1 vfat, Live 0x0\n', 'vfat 24576 0 - Live 0x0\n'];

describe('modules', () => {
  test('each that is loaded or unloaded is an event of its own; the first sample has none', async () => {
    const { host, folder } = hostOf({ [FILE]: LINES.join('') });
    const sampler = await open(modules, host);
    const types = async (): Promise<string[]> => (await sample(sampler)).map(({ type }) => type);
    const tables = ['system.kernel.module', 'system.kernel.module.dependant'];
    expect(await types()).toEqual(tables);
    expect(await types()).toEqual(tables);
    writeFiles(folder, { [FILE]: 'fat 86016 0 - Live 0x0\nxfs 2000000 0 - Live 0x0\nnfs 500000 0 - Live 0x0\n' });
    const [, ...events] = await sample(sampler);
    expect(events).toEqual([
      { type: 'system.kernel.module.loaded', rows: [{ 'module.name': 'xfs', memory: 2000000 }] },
      { type: 'system.kernel.module.loaded', rows: [{ 'module.name': 'nfs', memory: 500000 }] },
      { type: 'system.kernel.module.unloaded', rows: [{ 'module.name': 'vfat', memory: 24576 }] },
    ]);
    expect(await types()).toEqual(['system.kernel.module']);
    // All of them gone is a state as well.
    writeFiles(folder, { [FILE]: '' });
    expect(await types()).toEqual(Array.from({ length: 3 }, () => 'system.kernel.module.unloaded'));
    await sampler.close?.();
  });

  test.each([
    ['fat 86016 1\n', /modules:1: fewer than 5 columns/],
    ['fat big 1 - Live 0x0\n', /"big" is not a number/],
  ])('%j fails the sample', async (text, message) => {
    await expect(sampleOnce(modules, hostOf({ [FILE]: text }).host)).rejects.toThrow(message);
  });

  test('a kernel without modules says so', async () => {
    await expect(open(modules, hostOf({ 'proc/stat': '' }).host)).rejects.toThrow(/CONFIG_MODULES/);
  });
});
