import { describe, expect, test } from 'vitest';
import power from '../../sensors/power.ts';
import { fixtureHost, hostOf, open, rowsOf, sample, sampleOnce, sensorContext, writeFiles } from '../support.ts';
import { writes } from '../tool/scripted-tool.ts';

const ZONE = 'sys/class/powercap/intel-rapl:0';
const zone = (energy: number): Record<string, string> => ({ [`${ZONE}/energy_uj`]: `${energy}\n` });

describe('power', () => {
  test('energy goes on where the counter of the processor starts anew', async () => {
    const { host, folder } = hostOf({
      ...zone(250_000_000),
      [`${ZONE}/name`]: 'package-0\n',
      [`${ZONE}/max_energy_range_uj`]: '262000000\n',
    });
    const sampler = await open(power, host);
    const joules = async () => rowsOf(await sample(sampler), 'hw')[0]?.['energy'];
    expect(await joules()).toBe(250);
    writeFiles(folder, zone(3_000_000));
    expect(await joules()).toBe(265);
    writeFiles(folder, zone(2_000_000));
    expect(await joules()).toBe(526);
    writeFiles(folder, zone(2_000_001));
    expect(await joules()).toBe(526.000001);
    await sampler.close?.();
  });

  test('batteries: by uevent, or file by file; one that is not present is none; energy in joules', async () => {
    const tables = await sampleOnce(power, fixtureHost('power/traps'));
    const [first, second, left] = rowsOf(tables, 'hw.battery');
    expect(first).toEqual({
      'hw.id': 'BAT0',
      'hw.model': 'Батарея=1',
      'hw.vendor': '',
      'hw.battery.chemistry': 'Li-poly',
      charge: 0.5,
      health: 0.75,
    });
    expect(second).toMatchObject({ 'hw.id': 'BAT2', cycles: 412, temperature: 29.3, energy_full: 47.39 * 3600 });
    expect(left).toMatchObject({ 'hw.id': 'BAT2', 'hw.state': 'discharging', time_left: 2880 });
    expect(rowsOf(tables, 'hw.power_supply')).toEqual([{ 'hw.id': 'AC', 'hw.power_supply.type': 'Mains', online: 0 }]);
  });

  test('watts, volts, amperes, with their limits and alarms', async () => {
    const tables = await sampleOnce(power, fixtureHost('power/traps'));
    const row = (id: string, field: string) => rowsOf(tables, 'hw').find((one) => one['hw.id'] === id && field in one)?.[field];
    expect(row('platform/nct6775.656/in1', 'voltage')).toBe(0.992);
    expect(row('i2c-1/1-0040/curr1', 'current')).toBe(1.25);
    expect(row('pci0000:00/0000:00:03.1/0000:0a:00.0/power1', 'power')).toBe(38);
    expect(rowsOf(tables, 'hw.voltage').find((one) => one['alarm'] === 1)).toMatchObject({
      'hw.sensor_location': '+5V',
      'hw.limit_type': 'low.degraded',
      limit: 1,
    });
    expect(rowsOf(tables, 'hw.power').map((one) => [one['hw.limit_type'], one['limit']])).toEqual([
      ['throttled', 220],
      ['long_term', 95],
    ]);
  });

  test('a management controller', async () => {
    const sdr = '12V | 12.10 Volts | ok\nPwr Consumption | 210 Watts | ok\nCurrent 1 | 0.80 Amps | nc\n';
    const rows = rowsOf(await sampleOnce(power, hostOf({ 'proc/stat': '' }).host, { ipmi: true, ipmitool: writes(sdr) }), 'hw');
    expect(
      rows.filter((row) => row['status'] !== 0).map((row) => row['power'] ?? row['voltage'] ?? row['current'] ?? row['hw.state']),
    ).toEqual([210, 12.1, 0.8, 'ok', 'ok', 'degraded']);
  });

  test('energy that is root’s alone: said beside the others, and the reason where there is nothing else', async () => {
    // A folder cannot be read either.
    const forbidden = { [`${ZONE}/energy_uj/x`]: '', [`${ZONE}/name`]: 'package-0\n' };
    await expect(open(power, hostOf(forbidden).host)).rejects.toThrow(/root's alone .*run as root/);
    const said: string[] = [];
    const { host } = hostOf({
      ...forbidden,
      'sys/class/power_supply/AC/uevent': 'POWER_SUPPLY_ONLINE=1\n',
      'sys/class/power_supply/AC/type': 'Mains\n',
    });
    const sampler = await open(power, host, {}, sensorContext({ warn: (text) => said.push(text) }));
    expect(await sample(sampler)).toEqual([
      { type: 'hw.power_supply', rows: [{ 'hw.id': 'AC', 'hw.power_supply.type': 'Mains', online: 1 }] },
    ]);
    expect(said[0]).toMatch(/energy of the processors is left out/);
    await sampler.close?.();
    await expect(open(power, hostOf({ 'proc/stat': '' }).host)).rejects.toThrow(/tells of power, because/);
  });
});
