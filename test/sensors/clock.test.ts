import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import clock from '../../sensors/clock.ts';
import { Unavailable } from '../../src/errors.ts';
import { Host } from '../../src/host.ts';
import { fixtureHost, open, REPOSITORY, sample } from '../support.ts';
import { standIn, writes } from '../tool/scripted-tool.ts';

/** Made by hand, after the manuals of chrony 4, adjtimex 1.29, busybox 1.36 and systemd 252. */
const fixture = (name: string): string => readFileSync(join(REPOSITORY, 'fixtures/clock', `${name}.txt`), 'utf8');
const live = new Host({ platform: process.platform });
const NONE = { chronyc: '/nonexistent/chronyc', adjtimex: '/nonexistent/adjtimex', timedatectl: '/nonexistent/timedatectl' };

async function rowOf(paths: Partial<typeof NONE>) {
  const sampler = await open(clock, live, { paths: { ...NONE, ...paths } });
  const [table] = await sample(sampler);
  await sampler.close?.();
  return table?.rows[0];
}

describe.skipIf(process.platform !== 'linux')('clock (skipped where there is none: not Linux)', () => {
  test('chronyc: a clock that is slow is a negative offset', async () => {
    expect(await rowOf({ chronyc: writes(fixture('chronyc')) })).toEqual({
      'clock.tool': 'chronyc',
      synchronized: 1,
      offset: -0.000001501,
      last_offset: -0.000001632,
      rms_offset: 0.00000236,
      frequency_error: 331.898 / 1e6,
      skew: 0.154 / 1e6,
      root_delay: 0.373169,
      root_dispersion: 0.02478,
      update_interval: 64.2,
      stratum: 4,
      leap_second: 0,
    });
  });

  test('chronyc: a clock that is fast, a leap second, no synchronisation', async () => {
    const fast = fixture('chronyc')
      .replace('slow of NTP', 'fast of NTP')
      .replace('ppm fast', 'ppm slow')
      .replace('Normal', 'Delete second');
    expect(await rowOf({ chronyc: writes(fast) })).toMatchObject({
      offset: 0.000001501,
      frequency_error: -331.898 / 1e6,
      leap_second: -1,
    });
    expect(await rowOf({ chronyc: writes(fixture('chronyc').replace('Normal', 'Not synchronised')) })).toMatchObject({
      synchronized: 0,
    });
  });

  test('adjtimex, in nanoseconds: what the kernel has to take away is a clock that is fast', async () => {
    expect(await rowOf({ adjtimex: writes(fixture('adjtimex'), 1) })).toEqual({
      'clock.tool': 'adjtimex',
      synchronized: 1,
      offset: 3500e-9,
      frequency_error: 20 / 1e6,
      max_error: 16,
      estimated_error: 0.0015,
      leap_second: 1,
    });
  });

  test('the adjtimex of busybox', async () => {
    const row = { synchronized: 0, offset: 0, frequency_error: 10 / 1e6, max_error: 16, leap_second: 0 };
    expect(await rowOf({ adjtimex: writes(fixture('busybox-adjtimex'), 5) })).toMatchObject(row);
  });

  test('timedatectl, with systemd-timesyncd and without', async () => {
    const script = (timesync: string) =>
      standIn(`case $1 in show) cat ${writes(fixture('timedatectl-show')).replace(/tool$/, 'text')};; *) ${timesync};; esac`);
    const status = writes(fixture('timesync-status'));
    expect(await rowOf({ timedatectl: script(`exec ${status}`) })).toEqual({
      'clock.tool': 'timedatectl',
      synchronized: 1,
      offset: -0.001021,
      frequency_error: -21.314 / 1e6,
      root_delay: expect.closeTo(0.012305, 12),
      stratum: 2,
    });
    expect(await rowOf({ timedatectl: script('exit 1') })).toEqual({ 'clock.tool': 'timedatectl', synchronized: 1 });
  });

  test('the first that answers is asked: a chronyc without its daemon is none', async () => {
    const chronyc = standIn('echo "506 Cannot talk to daemon"; exit 1');
    expect(await rowOf({ chronyc, adjtimex: writes(fixture('adjtimex')) })).toMatchObject({ 'clock.tool': 'adjtimex' });
  });

  test('nobody answers: unavailable, with what each said', async () => {
    const paths = {
      chronyc: standIn('echo "506 Cannot talk to daemon"; exit 1'),
      adjtimex: standIn('exec sleep 1000'),
      timedatectl: writes('hello'),
    };
    const failure = await open(clock, live, { paths, command_timeout: '3s' }).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(Unavailable);
    expect(String(failure)).toMatch(
      /506 Cannot talk to daemon; .*did not end within 3 s, and was killed; timedatectl wrote what is not known: "hello"/,
    );
    await expect(open(clock, fixtureHost('softnet/recorded'))).rejects.toThrow(/a recorded machine/);
  });
});
