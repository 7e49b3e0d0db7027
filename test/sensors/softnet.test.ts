import { describe, expect, test } from 'vitest';
import softnet from '../../sensors/softnet.ts';
import { Unavailable } from '../../src/errors.ts';
import { fixtureHost, hostOf, open, rowsOf, sampleOnce } from '../support.ts';

const LINE = '00008e78 00000001 00000011 00000000 00000000 00000000 00000000 00000000 00000020';

describe('softnet', () => {
  test('9, 10, 11, 13 and 15 columns in one file; the CPU is the one in the line, or the one that is online at its place', async () => {
    const rows = rowsOf(await sampleOnce(softnet, fixtureHost('softnet/traps')), 'system.network.softnet');
    expect(rows.map((row) => row['cpu.logical_number'])).toEqual(['0', '5', '6', '7', '9']);
    expect(rows[1]).toMatchObject({ processed: 0x953d1a, time_squeezed: 0xb1, backlog: 0xdc, flow_limited: 0x2b });
    expect(rows[3]).toEqual({
      'cpu.logical_number': '7',
      processed: 23478194,
      dropped: 0,
      time_squeezed: 68004,
      collisions: 134774,
    });
  });

  test('where sysfs knows other CPUs, lines are numbered', async () => {
    const { host } = hostOf({ 'proc/net/softnet_stat': `${LINE}\n${LINE}\n`, 'sys/devices/system/cpu/online': '0-7' });
    const rows = rowsOf(await sampleOnce(softnet, host), 'system.network.softnet');
    expect(rows.map((row) => row['cpu.logical_number'])).toEqual(['0', '1']);
  });

  test.each([
    ['00015c73 00020e76 F0000769 00000000\n', /softnet_stat:1: fewer than 9 columns/],
    [`${LINE.replace('00008e78', 'ten')}\n`, /"ten" is not a hexadecimal number/],
  ])('%j fails the sample', async (text, message) => {
    await expect(sampleOnce(softnet, hostOf({ 'proc/net/softnet_stat': text }).host)).rejects.toThrow(message);
  });

  test('without the file it says so', async () => {
    await expect(open(softnet, hostOf({ 'proc/stat': '' }).host)).rejects.toThrow(Unavailable);
  });
});
