import { describe, expect, test } from 'vitest';
import fan from '../../sensors/fan.ts';
import { fixtureHost, hostOf, open, rowsOf, sampleOnce } from '../support.ts';
import { writes } from '../tool/scripted-tool.ts';

describe('fan', () => {
  test('one that stands still is 0, one that cannot be read or has failed is absent, and a highest speed makes a share', async () => {
    const tables = await sampleOnce(fan, fixtureHost('fan/traps'));
    const speeds = rowsOf(tables, 'hw.fan').filter((row) => 'speed' in row);
    expect(speeds.map((row) => [row['hw.id'], row['hw.sensor_location'], row['speed'], row['speed_ratio']])).toEqual([
      ['platform/nct6775.656/fan1', 'CPU Fan', 1204, undefined],
      ['platform/nct6775.656/fan2', 'fan2', 0, undefined],
      ['platform/applesmc.768/fan1', 'Left side', 2160, 1 / 3],
    ]);
    expect(
      rowsOf(tables, 'hw.fan')
        .filter((row) => 'duty_cycle' in row)
        .map((row) => row['duty_cycle']),
    ).toEqual([127 / 255, 1]);
    const bad = rowsOf(tables, 'hw').filter((row) => row['status'] === 1 && row['hw.state'] !== 'ok');
    expect(bad.map((row) => [row['hw.id'], row['hw.state']])).toEqual([
      ['platform/nct6775.656/fan2', 'degraded'],
      ['platform/bad.0/fan1', 'failed'],
    ]);
  });

  test('those of a management controller, in turns or as a share', async () => {
    const sdr =
      'FAN1 | 3600 RPM | ok\nFan 2 | 23.50 percent | ok\nFAN3 | no reading | ns\nCPU Usage | 80 percent | ok\nCPU Temp | 45 degrees C | ok\n';
    const rows = rowsOf(
      await sampleOnce(fan, hostOf({ 'proc/stat': '' }).host, { ipmi: true, ipmitool: writes(sdr, 1) }),
      'hw.fan',
    );
    expect(rows.map((row) => [row['hw.id'], row['speed'], row['speed_ratio']])).toEqual([
      ['ipmi/FAN1', 3600, undefined],
      ['ipmi/Fan 2', undefined, 0.235],
    ]);
  });

  test('a machine without any says so', async () => {
    await expect(open(fan, hostOf({ 'proc/stat': '' }).host)).rejects.toThrow(/there is no fan in .*hwmon, because/);
  });
});
