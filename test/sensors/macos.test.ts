/** Sensors that have a source on macOS, with what `node:os` would say there; and those that have none. */
import os from 'node:os';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import cpu from '../../sensors/cpu.ts';
import load from '../../sensors/load.ts';
import memory from '../../sensors/memory.ts';
import paging from '../../sensors/paging.ts';
import pressure from '../../sensors/pressure.ts';
import { Unavailable } from '../../src/errors.ts';
import { Host } from '../../src/host.ts';
import type { Sensor } from '../../src/sensor.ts';
import { hostOf, open, sampleOnce } from '../support.ts';

const platform = Object.getOwnPropertyDescriptor(process, 'platform') as PropertyDescriptor;

beforeAll(() => {
  Object.defineProperty(process, 'platform', { ...platform, value: 'darwin' });
  const times = { user: 1234, nice: 0, sys: 500, idle: 98_765, irq: 0 };
  vi.spyOn(os, 'cpus').mockReturnValue([
    { model: 'M', speed: 2400, times },
    { model: 'M', speed: 2400, times: { ...times, user: 7 } },
  ]);
  vi.spyOn(os, 'totalmem').mockReturnValue(1024);
  vi.spyOn(os, 'freemem').mockReturnValue(256);
  vi.spyOn(os, 'loadavg').mockReturnValue([1.5, 0.25, 0]);
});
afterAll(() => {
  Object.defineProperty(process, 'platform', platform);
  vi.restoreAllMocks();
});

describe('on macOS', () => {
  test('cpu tells five modes in seconds and the number of CPUs, and no frequency, which is nominal there', async () => {
    const row = (n: string, mode: string, time: number) => ({ 'cpu.logical_number': n, 'cpu.mode': mode, time });
    const rest = (n: string) => [row(n, 'nice', 0), row(n, 'system', 0.5), row(n, 'idle', 98.765), row(n, 'interrupt', 0)];
    expect(await sampleOnce(cpu, new Host())).toEqual([
      { type: 'system.cpu', rows: [row('0', 'user', 1.234), ...rest('0'), row('1', 'user', 0.007), ...rest('1')] },
      { type: 'system.cpu.logical', rows: [{ count: 2 }] },
    ]);
  });

  test('memory tells what is used and free, and the limit', async () => {
    expect(await sampleOnce(memory, new Host())).toEqual([
      {
        type: 'system.memory',
        rows: [
          { 'system.memory.state': 'used', usage: 768, utilization: 0.75 },
          { 'system.memory.state': 'free', usage: 256, utilization: 0.25 },
        ],
      },
      { type: 'system.memory', rows: [{ limit: 1024 }] },
    ]);
  });

  test('load tells the averages', async () => {
    expect(await sampleOnce(load, new Host())).toEqual([
      { type: 'system.cpu.load_average', rows: [{ '1m': 1.5, '5m': 0.25, '15m': 0 }] },
    ]);
  });

  test('a recorded Linux machine is still read from its files', async () => {
    const { host } = hostOf({ 'proc/loadavg': '0.02 0.04 0.05 1/497 11947\n' });
    expect((await sampleOnce(load, host))[1]).toEqual({ type: 'system.thread', rows: [{ runnable: 1, count: 497 }] });
  });

  test.each<[string, Sensor]>([
    ['paging', paging],
    ['pressure', pressure],
  ])('%s is unavailable, and says why', async (_, sensor) => {
    const failure = await open(sensor, new Host()).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(Unavailable);
    expect(String(failure)).toMatch(/Linux.*this is darwin/);
  });
});

test.each<[string, Sensor]>([
  ['cpu', cpu],
  ['memory', memory],
  ['load', load],
  ['paging', paging],
  ['pressure', pressure],
])('%s is unavailable for a macOS machine that this is not', async (_, sensor) => {
  const failure = await open(sensor, hostOf({ 'proc/stat': '' }, { platform: 'darwin' }).host).catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(Unavailable);
  expect(String(failure)).toMatch(/this is darwin/);
});
