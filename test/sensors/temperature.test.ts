import { describe, expect, test } from 'vitest';
import temperature from '../../sensors/temperature.ts';
import { Unavailable } from '../../src/errors.ts';
import { fixtureHost, hostOf, open, type PlainRow, rowsOf, sample, sampleOnce, sensorContext, writeFiles } from '../support.ts';
import { standIn, writes } from '../tool/scripted-tool.ts';

const chip = (number: number, files: Record<string, string>): Record<string, string> =>
  Object.fromEntries(Object.entries(files).map(([name, text]) => [`sys/class/hwmon/hwmon${number}/${name}`, `${text}\n`]));
const readings = (rows: readonly PlainRow[]): Record<string, unknown> =>
  Object.fromEntries(rows.filter((row) => 'temperature' in row).map((row) => [row['hw.id'] as string, row['temperature']]));

const SDR = `CPU Temp         | 45 degrees C      | ok
System Temp      | 86 degrees F      | unc
Temp             | 31 degrees C      | ok
Temp             | 33 degrees C      | cr
Odd | name       | -5 degrees C      | ok
FAN1             | 3600 RPM          | ok
FAN2             | no reading        | ns
Intrusion        | 0x00              | ok
`;

describe('temperature', () => {
  test('two chips of one name, two of one device, a plain folder, old drivers: each has an id that no reboot changes', async () => {
    const rows = rowsOf(await sampleOnce(temperature, fixtureHost('temperature/traps')), 'hw');
    expect(readings(rows)).toEqual({
      'platform/coretemp.0/temp1': 47,
      'platform/coretemp.0/temp2': 45,
      'platform/coretemp.1/temp1': 51,
      'pci0000:00/0000:00:01.2/0000:01:00.0/temp1': 37.85,
      'pci0000:00/0000:00:01.2/0000:01:00.0/temp2': 37.85,
      'pci0000:00/0000:00:17.0/ata1/host0/target0:0:0/0:0:0:0/temp1': 31,
      'platform/it87.656/temp1': -8,
      'hwmon5/temp1': 100,
      'platform/dell_smm_hwmon/temp1': 42,
      'platform/dell_smm_hwmon:dell_ddv/temp1': 43,
      'virtual/corsaircpro/temp1': 25,
      'thermal/thermal_zone0': 27.8,
      'thermal/thermal_zone1': -44,
    });
    expect(rows.filter((row) => row['system.device'] !== '' && 'temperature' in row).map((row) => row['system.device'])).toEqual([
      'nvme0',
      'nvme0',
      'sda',
    ]);
  });

  test('limits that are none are left out, an alarm and a fault are states', async () => {
    const tables = await sampleOnce(temperature, fixtureHost('temperature/traps'));
    const limits = rowsOf(tables, 'hw.temperature').map((row) => row['limit']);
    expect(limits).not.toContain(-273.15);
    expect(limits).not.toContain(65261.85);
    const bad = rowsOf(tables, 'hw').filter((row) => row['status'] === 1 && row['hw.state'] !== 'ok');
    expect(bad.map((row) => [row['hw.id'], row['hw.state']])).toEqual([
      ['platform/coretemp.0/temp2', 'degraded'],
      ['platform/it87.656/temp2', 'failed'],
    ]);
  });

  test('what cannot be read now is absent, and back when it can; chips come and go', async () => {
    const { host, folder } = hostOf({ ...chip(0, { name: 'a', temp1_input: '1000', temp2_input: '2000' }) });
    const sampler = await open(temperature, host);
    const now = async () => readings(rowsOf(await sample(sampler), 'hw'));
    expect(await now()).toEqual({ 'virtual/a/temp1': 1, 'virtual/a/temp2': 2 });
    writeFiles(folder, chip(0, { temp1_input: '' }));
    expect(await now()).toEqual({ 'virtual/a/temp2': 2 });
    writeFiles(folder, { ...chip(0, { temp1_input: '1500' }), ...chip(1, { name: 'b', temp1_input: '3000' }) });
    expect(await now()).toEqual({ 'virtual/a/temp1': 1.5, 'virtual/a/temp2': 2, 'virtual/b/temp1': 3 });
    await sampler.close?.();
  });

  test('a management controller is asked once a minute, and its names are told apart', async () => {
    const sampler = await open(temperature, hostOf({ 'proc/stat': '' }).host, { ipmi: true, ipmitool: writes(SDR) });
    const first = rowsOf(await sample(sampler, 1_000_000), 'hw');
    const found = { 'ipmi/CPU Temp': 45, 'ipmi/System Temp': 30, 'ipmi/Temp': 31, 'ipmi/Temp.2': 33, 'ipmi/Odd | name': -5 };
    expect(readings(first)).toEqual(found);
    expect(first.filter((row) => row['status'] === 1).map((row) => row['hw.state'])).toEqual([
      'ok',
      'degraded',
      'ok',
      'failed',
      'ok',
    ]);
    expect(await sample(sampler, 1_059_000)).toEqual([]);
    expect(readings(rowsOf(await sample(sampler, 1_060_000), 'hw'))).toEqual(found);
    // The clock was set back.
    expect(readings(rowsOf(await sample(sampler, 5000), 'hw'))).toEqual(found);
    await sampler.close?.();
  });

  test.each([
    ['hangs', 'exec sleep 1000', '200ms', /did not end within 0.2 s, and was killed/],
    ['fails', 'echo "Could not open device at /dev/ipmi0" >&2; exit 1', '8s', /Could not open device/],
  ])(
    'a controller that %s is said once, costs the others nothing and rests for ten minutes',
    async (_, script, ipmi_timeout, message) => {
      const said: string[] = [];
      const context = sensorContext({ warn: (text) => said.push(text) });
      const { host } = hostOf(chip(0, { name: 'a', temp1_input: '1000' }));
      const sampler = await open(temperature, host, { ipmi: true, ipmi_timeout, ipmitool: standIn(script) }, context);
      for (const time of [0, 60_000, 599_000, 600_000])
        expect(readings(rowsOf(await sample(sampler, time), 'hw'))).toEqual({ 'virtual/a/temp1': 1 });
      expect(said).toHaveLength(1);
      expect(said[0]).toMatch(message);
      await sampler.close?.();
    },
  );

  test('a machine without any says so, and how to look for them', async () => {
    const failure = await open(temperature, hostOf({ 'proc/stat': '' }).host).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(Unavailable);
    expect(String(failure)).toMatch(/sensors-detect/);
  });
});
