import { describe, expect, test } from 'vitest';
import sockets from '../../sensors/sockets.ts';
import { Malformed, Unavailable } from '../../src/errors.ts';
import { expectGolden, fixtureHost, hostOf, open, type PlainTable, rowsOf, sample, sampleOnce, writeFiles } from '../support.ts';

const SOCKSTAT = 'sockets: used 5\n';
const HEAD = 'sl local rem st\n';
const connection = (state: string): string => `0: 0500000A:0016 00000000:0000 ${state} 00000000:00000001\n`;

const states = (tables: readonly PlainTable[]): unknown[] =>
  rowsOf(tables, 'system.network.connection')
    .filter((row) => row['count'] !== 0)
    .map((row) => [row['network.connection.state'], row['count']]);

describe('golden', () => {
  test.each(['recorded', 'old-kernel', 'busy'])('%s', async (name) => {
    expectGolden(`sockets/${name}/expected.json`, await sampleOnce(sockets, fixtureHost(`sockets/${name}`)));
  });
});

describe('columns', () => {
  const tcp = async (files: Record<string, string>) =>
    rowsOf(await sampleOnce(sockets, hostOf(files).host), 'system.network.tcp')[0];

  test('are found by name, and one that is not there is absent', async () => {
    const snmp = 'Tcp: OutSegs New ActiveOpens MaxConn\nTcp: 3 4 5 -1\n';
    expect(await tcp({ 'proc/net/snmp': snmp })).toEqual({ out_segs: 3, active_opens: 5 });
  });

  test('are found again when they change', async () => {
    const { host, folder } = hostOf({
      'proc/net/netstat': 'TcpExt: ListenDrops TCPTimeouts\nTcpExt: 1 2\n',
      'proc/net/sockstat': SOCKSTAT,
    });
    const sampler = await open(sockets, host);
    const row = async () => rowsOf(await sample(sampler), 'system.network.tcp')[0];
    expect(await row()).toEqual({ listen_drops: 1, timeouts: 2 });
    writeFiles(folder, { 'proc/net/netstat': 'IpExt: InOctets\nIpExt: 8\n\nTcpExt: TCPTimeouts ListenDrops\nTcpExt: 1 2\n' });
    expect(await row()).toEqual({ listen_drops: 2, timeouts: 1 });
    writeFiles(folder, { 'proc/net/netstat': 'TcpExt: ListenDrops\nTcpExt: 3\n' });
    expect(await row()).toEqual({ listen_drops: 3 });
    writeFiles(folder, { 'proc/net/netstat': '' });
    expect(await row()).toBeUndefined();
    await sampler.close?.();
  });

  test.each([
    ['snmp', 'Tcp: OutSegs InSegs\nTcp: 3\n', /snmp:2: 1 numbers for 2 names/],
    ['snmp', 'Tcp: OutSegs\nTcp: 3 4\n', /snmp:2: 2 numbers for 1 names/],
    ['snmp', 'Tcp: OutSegs\nUdp: 3\n', /snmp:2: not the numbers of Tcp:/],
    ['snmp', 'Tcp: OutSegs\n', /snmp:1: no numbers behind the names of Tcp:/],
    ['snmp', 'Tcp: OutSegs\nTcp: many\n', /snmp:2: "many" is not a number/],
    ['snmp6', 'Ip6InReceives \t\n', /snmp6:1: no column 2/],
    ['snmp6', 'Ip6InReceives \tx\n', /snmp6:1: "x" is not a number/],
    ['sockstat', 'sockets: used\n', /sockstat:1: a word without a number/],
    ['sockstat', 'TCP: inuse 32 orphan\n', /sockstat:1: a word without a number/],
    ['sockstat', 'TCP: inuse lots\n', /sockstat:1: "lots" is not a number/],
    ['tcp', `${HEAD}0: 0500000A:0016 00000000:0000\n`, /tcp:2: no column 4/],
    ['tcp', `${HEAD}${connection('1')}`, /tcp:2: "1" is not the state of a connection/],
    ['tcp', `${HEAD}${connection('0G')}`, /tcp:2: "0G" is not the state of a connection/],
  ])('of %s that are wrong fail the sample: %j', async (file, content, message) => {
    const { host } = hostOf({ 'proc/net/sockstat': SOCKSTAT, [`proc/net/${file}`]: content });
    const failure = await sampleOnce(sockets, host).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(Malformed);
    expect(String(failure)).toMatch(message);
  });
});

describe('lines of snmp6', () => {
  test('come, go and change places', async () => {
    const { host, folder } = hostOf({
      'proc/net/sockstat': SOCKSTAT,
      'proc/net/snmp6': 'Ip6InReceives  \t1\nUdp6NoPorts  \t2\n',
    });
    const sampler = await open(sockets, host);
    const numbers = async (): Promise<unknown[]> => {
      const tables = await sample(sampler);
      return [rowsOf(tables, 'system.network.ip')[0]?.['in_receives'], rowsOf(tables, 'system.network.udp')[0]?.['no_ports']];
    };
    expect(await numbers()).toEqual([1, 2]);
    for (const [content, expected] of [
      ['Ip6InReceives  \t3\nIcmp6InType1  \t9\nUdp6NoPorts  \t4\n', [3, 4]],
      ['Ip6InReceives  \t5\nIcmp6InType1  \t9\nUdp6NoPorts  \t6\nUdp6NoPortsX  \t7\n', [5, 6]],
      ['Udp6NoPorts  \t7\n\nIp6InReceives  \t8\n', [8, 7]],
      ['Udp6NoPorts  \t7\n', [undefined, 7]],
      ['Udp6NoPorts  \t8\nIp6InReceives  \t9\n', [9, 8]],
      ['Ip6InReceives  \t10\nUdp6NoPorts  \t11\n', [10, 11]],
      ['', [undefined, undefined]],
    ] as const) {
      writeFiles(folder, { 'proc/net/snmp6': content });
      expect(await numbers()).toEqual(expected);
    }
    await sampler.close?.();
  });
});

describe('connections by state', () => {
  const files = (inuse: number): Record<string, string> => ({
    'proc/net/sockstat': `TCP: inuse ${inuse} orphan 0 tw 2 alloc 3 mem 1\n`,
    'proc/net/sockstat6': 'TCP6: inuse 3\n',
    'proc/net/tcp': HEAD + connection('01') + connection('0A'),
    'proc/net/tcp6': HEAD + connection('01'),
  });
  const counted = async (inuse: number, option: unknown, samples: number, interval = 10_000): Promise<number[]> => {
    const sampler = await open(sockets, hostOf(files(inuse)).host, { states: option });
    const turns: number[] = [];
    for (let i = 0; i < samples; i++) if (states(await sample(sampler, 1.7e12 + i * interval)).length > 0) turns.push(i);
    await sampler.close?.();
    return turns;
  };

  test('are those of IPv4 and IPv6 together, and a state without any is 0', async () => {
    const tables = await sampleOnce(sockets, hostOf(files(1)).host);
    expect(states(tables)).toEqual([
      ['established', 2],
      ['listen', 1],
    ]);
    expect(rowsOf(tables, 'system.network.connection')).toHaveLength(11);
  });

  test('are those of IPv4 where there is no IPv6, and none where there is neither', async () => {
    const { 'proc/net/tcp6': six, ...four } = files(1);
    expect(six).toBeDefined();
    expect(states(await sampleOnce(sockets, hostOf(four).host))).toEqual([
      ['established', 1],
      ['listen', 1],
    ]);
    expect(states(await sampleOnce(sockets, hostOf({ 'proc/net/sockstat': SOCKSTAT }).host))).toEqual([]);
  });

  test('are counted at every tenth sample, at every one, or never', async () => {
    expect(await counted(1, 'auto', 21)).toEqual([0, 10, 20]);
    // Once a minute at most, and no later where the clock is set back.
    expect(await counted(1, 'auto', 150, 1000)).toEqual([0, 60, 120]);
    expect(await counted(1, 'auto', 21, -10_000)).toEqual([0, 10, 20]);
    expect(await counted(1, true, 3)).toEqual([0, 1, 2]);
    expect(await counted(1, false, 11)).toEqual([]);
  });

  test('are not counted above a number of them', async () => {
    expect(await counted(4995, 'auto', 1)).toEqual([0]);
    expect(await counted(4996, 'auto', 1)).toEqual([]);
    expect(await counted(99_995, true, 1)).toEqual([0]);
    expect(await counted(99_996, true, 1)).toEqual([]);
  });

  test('of an option that is none are refused', () => {
    expect(sockets.options.safeParse({ states: 'sometimes' }).success).toBe(false);
  });
});

describe('files', () => {
  test('that went away leave what is in the others', async () => {
    const { host, folder } = hostOf({ 'proc/net/snmp': 'Udp: NoPorts\nUdp: 5\n', 'proc/net/sockstat': SOCKSTAT });
    expect((await sampleOnce(sockets, host)).map(({ type }) => type)).toEqual(['system.network.socket', 'system.network.udp']);
    writeFiles(folder, { 'proc/1/net/sockstat': 'sockets: used 6\n' });
    expect(rowsOf(await sampleOnce(sockets, host), 'system.network.socket')).toEqual([{ used: 6 }]);
  });

  test.each([
    [
      'without Linux',
      { 'proc/net/snmp': '' },
      { platform: 'darwin' as const },
      /sockets are read from Linux' \/proc\/net; this is darwin/,
    ],
    ['without any', { 'proc/uptime': '1 1\n' }, {}, /neither .*\/proc\/net\/sockstat nor .*\/proc\/net\/snmp is there/],
  ])('%s', async (_, files, options, message) => {
    const failure = await open(sockets, hostOf(files, options).host).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(Unavailable);
    expect(String(failure)).toMatch(message);
  });
});
