import { rmSync } from 'node:fs';
import os from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import system from '../../sensors/system.ts';
import { Malformed, Unavailable } from '../../src/errors.ts';
import { Host } from '../../src/host.ts';
import type { Sampler } from '../../src/sensor.ts';
import { expectGolden, fixtureHost, hostOf, open, type PlainRow, rowsOf, sample, sampleOnce, writeFiles } from '../support.ts';

const UPTIME = { 'proc/uptime': '100.50 200.00\n' };

const one = async (sampler: Sampler, type: string): Promise<PlainRow> => rowsOf(await sample(sampler), type)[0] ?? {};
const read = async (files: Record<string, string>, type: string): Promise<PlainRow> => {
  const sampler = await open(system, hostOf({ ...UPTIME, ...files }).host);
  return await one(sampler, type);
};
const readAbout = async (files: Record<string, string>): Promise<PlainRow> =>
  rowsOf(await sampleOnce(system, hostOf({ ...UPTIME, ...files }).host), 'system')[1] ?? {};

describe('golden', () => {
  it.each(['debian-vm', 'laptop', 'container'])('%s', async (name) => {
    expectGolden(`system/${name}/expected.json`, await sampleOnce(system, fixtureHost(`system/${name}`)));
  });
});

describe('time', () => {
  it('is the uptime at each sample, the boot time once a minute', async () => {
    const { host, folder } = hostOf({ ...UPTIME, 'proc/stat': 'cpu 1\nbtime 1700000000\n' });
    const sampler = await open(system, host);
    expect(await one(sampler, 'system')).toEqual({ uptime: 100.5, boot_time: 1700000000 });
    // The clock was set.
    writeFiles(folder, { 'proc/uptime': '160.49 1.00\n', 'proc/stat': 'btime 1700009999\n' });
    expect(await one(sampler, 'system')).toEqual({ uptime: 160.49, boot_time: 1700000000 });
    writeFiles(folder, { 'proc/uptime': '160.50 1.00\n' });
    expect(await one(sampler, 'system')).toEqual({ uptime: 160.5, boot_time: 1700009999 });
    await sampler.close?.();
  });

  it('is the boot time alone where there is no uptime', async () => {
    const { host } = hostOf({ 'proc/stat': 'btime 1700000000\n' });
    const tables = await sampleOnce(system, host);
    expect(tables[0]).toEqual({ type: 'system', rows: [{ boot_time: 1700000000 }] });
    // What this kernel does not tell has no table.
    expect(tables.map((table) => table.type)).toEqual(['system', 'system']);
  });

  it.each([
    [{ 'proc/uptime': 'soon\n' }, /uptime:1: "soon" is not a number/],
    [{ 'proc/uptime': '' }, /uptime/],
    [{ 'proc/stat': 'cpu 1\nbtime\n' }, /stat:\d+: no column 1/],
    [{ 'proc/stat': 'cpu 1\nbtime x\n' }, /stat:\d+: "x" is not a number/],
    [{ 'proc/sys/kernel/random/entropy_avail': '' }, /entropy_avail/],
    [{ 'proc/sys/kernel/random/entropy_avail': 'much\n' }, /entropy_avail:1: "much" is not a number/],
  ])('or anything else malformed fails the sample: %j', async (files, message) => {
    const failure = await read(files as Record<string, string>, 'system').catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(Malformed);
    expect(String(failure)).toMatch(message);
  });
});

describe('the clock', () => {
  const SOURCE = { 'sys/devices/system/clocksource/clocksource0/current_clocksource': 'tsc\n' };
  const tsc = { 'system.clock.source': 'tsc', info: 1 };

  it('shows its source as it is now', async () => {
    const { host, folder } = hostOf({ ...UPTIME, ...SOURCE });
    const sampler = await open(system, host);
    expect(await one(sampler, 'system.clock')).toEqual(tsc);
    const [path] = Object.keys(SOURCE);
    writeFiles(folder, { [path as string]: 'hpet\n' });
    expect(await one(sampler, 'system.clock')).toEqual({ ...tsc, 'system.clock.source': 'hpet' });
    await sampler.close?.();
  });

  it('is synchronized, not yet, or nobody knows', async () => {
    const { host, folder } = hostOf({ ...UPTIME, ...SOURCE, 'root/run/systemd/timesync/x': '' });
    const sampler = await open(system, host);
    expect(await one(sampler, 'system.clock')).toEqual({ ...tsc, synchronized: 0 });
    writeFiles(folder, { 'root/run/systemd/timesync/synchronized': '' });
    expect(await one(sampler, 'system.clock')).toEqual({ ...tsc, synchronized: 1 });
    rmSync(join(folder, 'root/run/systemd/timesync'), { recursive: true });
    expect(await one(sampler, 'system.clock')).toEqual(tsc);
    await sampler.close?.();
  });

  it.each([
    ['btime 1000\n', 1100, 0],
    ['btime 1000\n', 1000, -100],
    ['btime 1000\n', 8300, 7200],
    ['cpu 1\n', 8300, undefined],
  ])('is compared with the hardware clock: %j, %d', async (stat, epoch, offset) => {
    const row = await read({ ...SOURCE, 'proc/stat': stat, 'sys/class/rtc/rtc0/since_epoch': `${epoch}\n` }, 'system.clock');
    expect(row['rtc_offset']).toBe(offset);
  });
});

describe('what it runs', () => {
  it.each([
    ['x86_64', 'amd64'],
    ['aarch64', 'arm64'],
    ['armv7l', 'arm32'],
    ['i686', 'x86'],
    ['ppc64le', 'ppc64'],
    ['riscv64', 'riscv64'],
  ])('is named as OpenTelemetry does: %s', async (machine, arch) => {
    expect(await readAbout({ 'proc/sys/kernel/arch': `${machine}\n` })).toMatchObject({ 'host.arch': arch, info: 1 });
  });

  it('is in /usr/lib where /etc has none', async () => {
    const row = await readAbout({ 'root/usr/lib/os-release': 'ID=x\nVERSION_ID="1"\n' });
    expect(row).toMatchObject({ 'os.name': 'x', 'os.version': '1', 'os.description': '' });
  });
});

describe('unavailable', () => {
  it.each([
    [{}, { platform: 'win32' as const }, /read from Linux' \/proc; this is win32/],
    [UPTIME, { platform: 'darwin' as const }, /this is darwin/],
    [{ 'proc/version': 'x' }, {}, /neither .*uptime nor .*stat is there: is \/proc mounted\?/],
  ])('%j %j', async (files, options, message) => {
    const failure = await open(system, hostOf(files, options).host).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(Unavailable);
    expect(String(failure)).toMatch(message);
  });
});

it.skipIf(process.platform !== 'darwin')('tells what node:os tells on macOS (skipped elsewhere)', async () => {
  const tables = await sampleOnce(system, new Host());
  expect(rowsOf(tables, 'system')[0]?.['uptime']).toBeGreaterThan(0);
  expect(rowsOf(tables, 'system')[1]).toMatchObject({ 'os.type': 'darwin', 'os.kernel.release': os.release(), info: 1 });
});
