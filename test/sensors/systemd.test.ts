import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import systemd from '../../sensors/systemd.ts';
import { Unavailable } from '../../src/errors.ts';
import { Host } from '../../src/host.ts';
import { fixtureHost, open, REPOSITORY, rowsOf, sample } from '../support.ts';
import { temporaryFolder } from '../temporary.ts';
import { standIn, writes } from '../tool/scripted-tool.ts';

/** Made by hand, as systemd 249 and later write it. */
const UNITS = readFileSync(join(REPOSITORY, 'fixtures/systemd/list-units.txt'), 'utf8');
/** The machine that the test runs on; what it is told of comes from a stand-in. */
const live = new Host({ platform: process.platform });

describe.skipIf(process.platform !== 'linux')('systemd (skipped where there is none: not Linux)', () => {
  test('units by pattern, and how many there are of each type and state', async () => {
    const sampler = await open(systemd, live, { systemctl: writes(UNITS) });
    const tables = await sample(sampler);
    const rows = rowsOf(tables, 'system.systemd.unit');
    expect(rows.filter((row) => 'info' in row).map((row) => Object.values(row).join(' '))).toEqual([
      '-.mount loaded active mounted 1',
      'systemd-tmpfiles-clean.timer loaded active waiting 1',
      'ssh.service loaded active running 1',
      'nginx.service loaded failed failed 1',
      'plymouth.service not-found inactive dead 1',
      'getty@tty1.service loaded active running 1',
    ]);
    expect(rows.filter((row) => 'count' in row).map((row) => Object.values(row).join(' '))).toEqual([
      'device active 1',
      'mount active 1',
      'service active 3',
      'service failed 1',
      'service inactive 1',
      'swap active 1',
      'timer active 1',
    ]);
    await sampler.close?.();
  });

  test('a unit that fails, one that goes and one that comes are events', async () => {
    const folder = temporaryFolder();
    const text = join(folder, 'text');
    writeFileSync(text, UNITS);
    const sampler = await open(systemd, live, { systemctl: standIn(`cat ${text}`, folder) });
    const events = async () =>
      rowsOf(await sample(sampler), 'system.systemd.unit.changed').map((row) => Object.values(row).join(' '));
    expect(await events()).toEqual([]);
    expect(await events()).toEqual([]);
    writeFileSync(
      text,
      UNITS.replace(/^.*plymouth.*\n/m, '')
        .replace(/^(.*ssh\.service +loaded +)active( +)running/m, '$1failed$2failed')
        .replace('nginx.service', 'apache.service'),
    );
    expect(await events()).toEqual([
      'nginx.service failed none  0',
      'plymouth.service inactive none  0',
      'ssh.service active failed failed 1',
      'apache.service none failed failed 1',
    ]);
    await sampler.close?.();
  });

  test('columns are found by their headings', async () => {
    const other = 'UNIT JOB LOAD SUB ACTIVE DESCRIPTION\nssh.service start loaded running active OpenBSD\n\n1 unit\n';
    const sampler = await open(systemd, live, { systemctl: writes(other) });
    expect(rowsOf(await sample(sampler), 'system.systemd.unit')[0]).toMatchObject({
      'systemd.unit.state': 'active',
      'systemd.unit.substate': 'running',
    });
    await sampler.close?.();
  });

  test.each([
    [
      'a machine without systemd',
      standIn('echo "System has not been booted with systemd as init system (PID 1)." >&2; exit 1'),
      /has not been booted with systemd/,
    ],
    ['one without the tool', '/nonexistent/systemctl', /is not installed/],
    ['one that hangs', standIn('exec sleep 1000'), /did not end within 0.2 s, and was killed/, '200ms'],
    ['one that writes half a line', writes('UNIT LOAD ACTIVE SUB\nssh.service loaded'), /wrote no table of units/],
    ['one that writes something else', writes('hello\n'), /wrote no table of units: "hello/],
  ])('%s: unavailable, and why', async (_, systemctl, message, command_timeout = '20s') => {
    const failure = await open(systemd, live, { systemctl, command_timeout }).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(Unavailable);
    expect(String(failure)).toMatch(message);
  });

  test('a recorded machine has none', async () => {
    await expect(open(systemd, fixtureHost('softnet/recorded'))).rejects.toThrow(/a recorded machine/);
  });
});
