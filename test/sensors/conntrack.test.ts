import { describe, expect, test } from 'vitest';
import conntrack from '../../sensors/conntrack.ts';
import { fixtureHost, hostOf, open, sampleOnce } from '../support.ts';

const STAT = 'proc/net/stat/nf_conntrack';

describe('conntrack', () => {
  test('counters of all CPUs by their headings, whatever their order, and without those that are new', async () => {
    const [table, counters] = await sampleOnce(conntrack, fixtureHost('conntrack/traps'));
    expect(table?.rows).toEqual([{ count: 43, limit: 65536, utilization: 43 / 65536 }]);
    expect(counters?.rows[0]).toMatchObject({ searched: 0xffffffff + 10, found: 12, search_restart: 26 });
    expect(counters?.rows[0]).not.toHaveProperty('clash_resolved');
  });

  test('a kernel without the sysctl: the number of entries is in the statistics', async () => {
    const { host } = hostOf({ [STAT]: 'entries found\n00000021 00000001\n00000021 00000002\n' });
    expect((await sampleOnce(conntrack, host)).map(({ rows }) => rows[0])).toEqual([{ count: 33 }, { found: 3 }]);
  });

  test.each([
    ['found new\n1 2\n', /nf_conntrack:1: no heading "entries"/],
    ['entries found\n1\n', /nf_conntrack:2: 1 numbers for 2 names/],
    ['entries found\n1 x\n', /"x" is not a hexadecimal number/],
  ])('%j fails the sample', async (text, message) => {
    await expect(sampleOnce(conntrack, hostOf({ [STAT]: text }).host)).rejects.toThrow(message);
  });

  test('without a firewall it says why', async () => {
    await expect(open(conntrack, hostOf({ 'proc/stat': '' }).host)).rejects.toThrow(/the module nf_conntrack is not loaded/);
  });
});
