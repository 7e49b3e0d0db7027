import { describe, expect, test } from 'vitest';
import network from '../../sensors/network.ts';
import { fixtureHost, hostOf, open, rowsOf, sample, sampleOnce, writeFiles } from '../support.ts';

const HEAD = 'Inter-| Receive | Transmit\n face |bytes packets |bytes packets\n';
const line = (name: string, bytes: number): string => `${name}: ${bytes} 1 0 0 0 0 0 0 2 3 0 0 0 0 0 0\n`;

describe('network', () => {
  test('no blank behind the colon, a colon in the name, numbers above 2^53', async () => {
    const rows = rowsOf(await sampleOnce(network, fixtureHost('network/traps')), 'system.network');
    expect(
      rows.map((row) => `${String(row['network.interface.name'])} ${String(row['network.io.direction'])} ${String(row['io'])}`),
    ).toEqual([
      'lo receive 1664039048',
      'lo transmit 1664039048',
      'eth0 receive 18446744073709552000',
      'eth0 transmit 342085',
      'eth0:1 receive 10',
      'eth0:1 transmit 20',
      'bond0 receive 0',
      'bond0 transmit 0',
    ]);
  });

  test('errors, packets and drops are in their columns', async () => {
    const tables = await sampleOnce(network, fixtureHost('network/traps'), { include: 'eth0' });
    expect(tables.map(({ type, rows }) => [type, rows.map((row) => Object.values(row).slice(2))])).toEqual([
      [
        'system.network',
        [
          [18446744073709551615, 3],
          [342_085, 5],
        ],
      ],
      [
        'system.network.packet',
        [
          [1, 4],
          [2, 6],
        ],
      ],
      ['system.network.interface', [[125_000_000, 1500, 7, 8]]],
    ]);
  });

  test('a link that is down has no speed, and one that does not tell is absent', async () => {
    const rows = rowsOf(await sampleOnce(network, fixtureHost('network/traps')), 'system.network.interface');
    expect(rows.map((row) => [row['network.interface.name'], row['up'], row['speed']])).toEqual([
      ['lo', 1, undefined],
      ['eth0', 1, 125_000_000],
      ['eth0:1', undefined, undefined],
      ['bond0', 0, undefined],
    ]);
  });

  test("below another /proc the host's own network is that of process 1", async () => {
    const { host } = hostOf({ 'proc/1/net/dev': HEAD + line('host0', 5), 'proc/net/dev': HEAD + line('container0', 6) });
    expect(rowsOf(await sampleOnce(network, host), 'system.network')[0]?.['network.interface.name']).toBe('host0');
  });

  test('a link that goes down is seen at once, and its speed with it', async () => {
    const { host, folder } = hostOf({
      'proc/net/dev': HEAD + line('eth0', 5),
      'sys/class/net/eth0/operstate': 'up\n',
      'sys/class/net/eth0/speed': '1000\n',
    });
    const sampler = await open(network, host);
    const link = async (): Promise<unknown> => rowsOf(await sample(sampler), 'system.network.interface')[0];
    expect(await link()).toMatchObject({ up: 1, speed: 125_000_000 });
    writeFiles(folder, { 'sys/class/net/eth0/operstate': 'down\n' });
    expect(await link()).toEqual({ 'network.interface.name': 'eth0', up: 0, multicast: 0, collisions: 0 });
    await sampler.close?.();
  });

  test('an interface comes and goes', async () => {
    const { host, folder } = hostOf({ 'proc/net/dev': HEAD + line('eth0', 5) });
    const sampler = await open(network, host);
    const names = async (): Promise<unknown[]> =>
      rowsOf(await sample(sampler), 'system.network.interface').map((row) => row['network.interface.name']);
    expect(await names()).toEqual(['eth0']);
    writeFiles(folder, { 'proc/net/dev': HEAD + line('tun0', 1) + line('eth0', 6) });
    expect(await names()).toEqual(['tun0', 'eth0']);
    writeFiles(folder, { 'proc/net/dev': HEAD });
    expect(await names()).toEqual([]);
    await sampler.close?.();
  });

  test('a short line fails the sample', async () => {
    await expect(sampleOnce(network, hostOf({ 'proc/net/dev': `${HEAD}eth0: 1 2 3\n` }).host)).rejects.toThrow(
      /dev:3: fewer than 16 counters/,
    );
  });
});
