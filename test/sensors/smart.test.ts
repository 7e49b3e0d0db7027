/** The sensor `smart`, with an executable that stands in for smartctl. The fixtures are made by hand. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import smart from '../../sensors/smart.ts';
import { loadConfig } from '../../src/config/load.ts';
import { Host } from '../../src/host.ts';
import { expectGolden, fixtureHost, open, REPOSITORY, rowsOf, sample, sampleOnce, sensorContext } from '../support.ts';
import { temporaryFolder } from '../temporary.ts';
import { eventually, lives, type StandIn, standInTool } from '../tool/stand-in.ts';

const fixtures = join(REPOSITORY, 'fixtures/smart');
const file = (name: string): string => `'${join(fixtures, name)}'`;
const live = (sys = join(temporaryFolder(), 'none')): Host => new Host({ sys });
const kernel = join(fixtures, 'kernel/sys');

/** A `smartctl` that scans three drives; `sda` is a piece of shell for its answer. */
const smartctl = (sda = `cat ${file('sda.json')}; exit 216`): StandIn =>
  standInTool(
    'smartctl',
    `echo "$*" >> "$FOLDER/asked"
case "$*" in
  *--scan*) cat ${file('scan.json')} ;;
  */dev/sda) ${sda} ;;
  */dev/nvme0) cat ${file('nvme0.json')} ;;
  */dev/bus/0) cat ${file('bus0.json')}; exit 4 ;;
esac`,
  );
const asked = (tool: StandIn): string[] => readFileSync(join(tool.folder, 'asked'), 'utf8').trim().split('\n');
/** A piece of shell for the answer of a `smartctl` that may not open the drive. */
const denied = (device: string): string => {
  const messages = [{ string: `Smartctl open device: ${device} failed: Permission denied`, severity: 'error' }];
  return `echo '${JSON.stringify({ smartctl: { exit_status: 2, messages }, device: { name: device } })}'; exit 2`;
};
/** One that may open none. */
const refused = (): StandIn =>
  standInTool('smartctl', `case "$*" in *--scan*) cat ${file('scan.json')} ;; *) ${denied('/dev/sda')} ;; esac`);

test('ATA, NVMe and a drive behind a controller', async () => {
  expectGolden('smart/expected.json', await sampleOnce(smart, live(), { smartctl: smartctl().path }));
});

test('what smartctl is asked: a scan, and each drive by its type, without waking it', async () => {
  const tool = smartctl();
  const sampler = await open(smart, live(), { smartctl: tool.path, exclude: ['/dev/nvme*'] });
  const before = asked(tool).length;
  await sample(sampler);
  expect(asked(tool).slice(before).toSorted()).toEqual([
    '--json --all -n standby -d megaraid,14 /dev/bus/0',
    '--json --all -n standby -d sat /dev/sda',
    '--scan --json',
  ]);
});

test('drives that are named need no scan', async () => {
  const tool = smartctl();
  const devices = [{ path: '/dev/bus/0', type: 'megaraid,14' }, { path: '/dev/sda' }];
  const tables = await sampleOnce(smart, live(), { smartctl: tool.path, devices, attributes: false });
  expect(asked(tool).some((line) => line.includes('--scan'))).toBe(false);
  expect(asked(tool)).toContain('--json --all -n standby /dev/sda');
  expect(rowsOf(tables, 'hw.physical_disk').some((row) => 'smart' in row)).toBe(false);
});

test('raw values beyond 2^53 are the first number of what smartctl reads in them, or absent', async () => {
  const rows = rowsOf(await sampleOnce(smart, live(), { smartctl: smartctl().path }), 'hw.physical_disk');
  const raw = rows.flatMap((row) => ('smart' in row ? [[row['hw.physical_disk.smart_attribute.id'], row['smart.raw']]] : []));
  expect(raw).toEqual([
    ['5', 4012],
    ['9', 50311],
    ['187', 1],
    ['188', undefined],
    ['194', 24],
  ]);
});

test('the wear of a SATA drive, where smartctl makes a number of what the drive counts', async () => {
  const answer = {
    smartctl: { exit_status: 0 },
    device: { name: '/dev/sda', protocol: 'ATA' },
    endurance_used: { current_percent: 7 },
    spare_available: { current_percent: 98, threshold_percent: 10 },
  };
  const tool = smartctl(`echo '${JSON.stringify(answer)}'`);
  const rows = rowsOf(
    await sampleOnce(smart, live(), { smartctl: tool.path, include: ['/dev/sda'], attributes: false }),
    'hw.physical_disk',
  );
  expect(rows[0]).toMatchObject({ spare: 0.98, 'spare.threshold': 0.1 });
  expect(rows[1]).toMatchObject({ 'hw.physical_disk.state': 'remaining', endurance_utilization: 0.93 });
});

test.each([
  ['says so', `cat ${file('standby.json')}; exit 2`],
  [
    'says nothing but bit 1',
    `echo '{ "smartctl": { "exit_status": 2 }, "device": { "name": "/dev/sda", "protocol": "ATA" } }'; exit 2`,
  ],
])('a drive that sleeps (it %s) is standby, and neither an error nor a condition', async (_, sda) => {
  const warnings: string[] = [];
  const sampler = await open(
    smart,
    live(),
    { smartctl: smartctl(sda).path, include: ['/dev/sda'] },
    sensorContext({ warn: (message) => void warnings.push(message) }),
  );
  expect(await sample(sampler)).toEqual([
    { type: 'hw.physical_disk', rows: [expect.objectContaining({ 'hw.name': '/dev/sda', standby: 1 })] },
  ]);
  expect(warnings).toEqual([]);
});

describe('without privileges', () => {
  test('and without help of the kernel it is unavailable, and says what to do', async () => {
    await expect(open(smart, live(), { smartctl: refused().path })).rejects.toThrow(
      /^there is no drive whose health can be read: smartctl ended with status 2: Smartctl open device: \/dev\/sda failed: Permission denied; reading a drive takes privileges: .*CAP_SYS_RAWIO.*sudo: true/,
    );
  });

  test('the kernel still tells temperatures and wear', async () => {
    const warnings: string[] = [];
    const sampler = await open(
      smart,
      live(kernel),
      { smartctl: refused().path },
      sensorContext({ warn: (message) => void warnings.push(message) }),
    );
    expectGolden('smart/kernel/expected.json', await sample(sampler));
    expect(warnings).toEqual([expect.stringMatching(/^only what the kernel tells: .*Permission denied/)]);
  });

  test('for one kind of drives alone the others are read, and it says what is missing', async () => {
    const warnings: string[] = [];
    const context = sensorContext({ warn: (message) => void warnings.push(message) });
    const sampler = await open(smart, live(), { smartctl: smartctl(denied('/dev/sda')).path }, context);
    const names = rowsOf(await sample(sampler), 'hw.physical_disk').flatMap((row) => ('standby' in row ? [row['hw.name']] : []));
    expect(names).toEqual(['/dev/nvme0', '/dev/bus/0 megaraid,14']);
    expect(warnings).toEqual([expect.stringMatching(/^\/dev\/sda: .*Permission denied; .*CAP_SYS_RAWIO/)]);
  });

  test('a recorded machine has what the kernel tells, and nothing is run for it', async () => {
    expectGolden('smart/kernel/expected.json', await sampleOnce(smart, fixtureHost('smart/kernel')));
    await expect(open(smart, fixtureHost('load/recorded'))).rejects.toThrow('smartctl is not run for a recorded machine');
  });

  test('with sudo it is sudo that is run', async () => {
    const tool = smartctl();
    const sudo = standInTool('sudo', `echo "$*" > "$FOLDER/asked"; shift; exec "$@"`);
    const path = process.env['PATH'];
    process.env['PATH'] = `${sudo.folder}:${path}`;
    try {
      await sampleOnce(smart, live(), { smartctl: tool.path, sudo: true });
    } finally {
      process.env['PATH'] = path;
    }
    expect(asked(sudo)[0]).toMatch(new RegExp(`^-n ${tool.path} --`));
  });
});

describe('one drive of several', () => {
  /** Samples twice; the tables of the second, and what was said. */
  async function twice(sda: string, given: object = {}): Promise<{ names: unknown[]; warnings: string[]; tool: StandIn }> {
    const warnings: string[] = [];
    const tool = smartctl(sda);
    // The scan begins with another drive, so that opening does not need this one.
    const devices = [{ path: '/dev/nvme0', type: 'nvme' }, { path: '/dev/sda' }];
    const context = sensorContext({ warn: (message) => void warnings.push(message) });
    const sampler = await open(smart, live(), { smartctl: tool.path, devices, ...given }, context);
    await sample(sampler);
    const names = rowsOf(await sample(sampler), 'hw.physical_disk').flatMap((row) => ('standby' in row ? [row['hw.name']] : []));
    return { names, warnings, tool };
  }

  test('that hangs is killed, costs the others nothing, and is then left alone', async () => {
    const { names, warnings, tool } = await twice('exec sleep 1000', { device_timeout: '3s' });
    expect(names).toEqual(['/dev/nvme0']);
    expect(warnings).toEqual([
      '/dev/sda: smartctl did not end within 3 s, and was killed',
      '/dev/sda: smartctl hung, and the drive is left alone for a while',
    ]);
    expect(asked(tool).filter((line) => line.endsWith('/dev/sda'))).toHaveLength(1);
    await eventually(() => tool.pids().every((pid) => !lives(pid)), 'the end of all');
  });

  test.each([
    ['prints half an answer', `head -c 300 ${file('sda.json')}`, /^\/dev\/sda: smartctl wrote no JSON: .*json_format_version/],
    ['prints 100 MB', 'head -c 100000000 /dev/zero', /^\/dev\/sda: smartctl wrote more than 4194304 bytes, and was killed/],
    ['prints nothing', 'echo "segmentation fault" >&2; exit 139', /^\/dev\/sda: it said nothing: "segmentation fault"/],
    [
      'has gone',
      `echo '{ "smartctl": { "exit_status": 2, "messages": [{ "string": "No such device", "severity": "error" }] } }'; exit 2`,
      /^\/dev\/sda: smartctl ended with status 2: No such device/,
    ],
  ])('that %s is told once, and costs the others nothing', async (_, sda, why) => {
    const { names, warnings } = await twice(sda);
    expect(names).toEqual(['/dev/nvme0']);
    expect(warnings).toEqual([expect.stringMatching(why)]);
  });
});

test('an old smartctl, none at all, and none that finds a drive make it unavailable, and it says why', async () => {
  const old = standInTool('smartctl', 'echo "smartctl 6.6: unrecognized option --json"; exit 1');
  const none = standInTool('smartctl', `echo '{ "smartctl": { "exit_status": 0 } }'`);
  await expect(open(smart, live(), { smartctl: old.path })).rejects.toThrow(/wrote no JSON.*6\.6.*since version 7\.0/);
  await expect(open(smart, live(), { smartctl: none.path })).rejects.toThrow('smartctl finds no drive');
  await expect(open(smart, live(), { smartctl: '/nowhere/smartctl' })).rejects.toThrow(
    '/nowhere/smartctl is not there, or may not be run: install it, or say with `smartctl` where it is',
  );
});

test('it samples every ten minutes, or as seldom as all, or as it is told', async () => {
  const folder = temporaryFolder();
  const intervals = async (top: string): Promise<number[]> => {
    const text = `interval: ${top}\nsensors:\n  load: {}\n  smart: {}\n  often: { type: smart, interval: 30s }\nsinks:\n  console: {}\n`;
    writeFileSync(join(folder, 'tidegate.yaml'), text);
    const { config } = await loadConfig(join(folder, 'tidegate.yaml'), {});
    return config.sensors.map(({ interval }) => interval / 1000);
  };
  expect(await intervals('10s')).toEqual([10, 600, 30]);
  expect(await intervals('1h')).toEqual([3600, 3600, 30]);
});

test('its page says what to do for privileges, and how often it samples', async () => {
  expect(smart.notes).toMatch(/AmbientCapabilities=CAP_SYS_RAWIO CAP_SYS_ADMIN[\s\S]*sudo: true/);
});
