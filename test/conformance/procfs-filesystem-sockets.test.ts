/**
 * prometheus/procfs' machine and expectations, through `sockets` and `filesystem`. Its snmp, netstat and snmp6 are those of one
 * process, and nothing is expected of them there: they are compared with the text, read by another way than the sensor's.
 *
 * Left: of /proc/net what `sockets` does not report (udp, unix, protocols, softnet_stat, xfrm_stat and others), the addresses,
 * queues and owners of each connection, the tags and option values of each mount, and mountstats.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import sockets from '../../sensors/sockets.ts';
import { parseMounts, visibleMounts } from '../../src/statfs/mounts.ts';
import { Text } from '../../src/text.ts';
import { conformance, hostOf, type PlainRow, rowsOf, sampleOnce, unpackTtar } from '../support.ts';
import { temporaryFolder } from '../temporary.ts';

const archive = conformance('procfs/fixtures.ttar.gz');
const answers = conformance('procfs/expected-from-go-tests.json');

interface Expectation {
  readonly test: string;
  readonly value: unknown;
}
interface Call {
  readonly args: readonly [number];
}
interface SockstatCase {
  readonly name: string;
  readonly s?: string;
  readonly ok?: boolean;
  readonly stat?: {
    readonly Used?: Call;
    readonly Protocols?: readonly ({ readonly Protocol: string; readonly InUse?: number } & Readonly<Record<string, unknown>>)[];
  };
}
interface MountInfo {
  readonly MountID: number;
  readonly ParentID?: number;
  readonly MajorMinorVer: string;
  readonly Root: string;
  readonly MountPoint?: string;
  readonly Options: Readonly<Record<string, string>>;
  readonly FSType: string;
  readonly Source: string;
  readonly SuperOptions: Readonly<Record<string, string>>;
}

const expected = (name: string): unknown =>
  (JSON.parse(readFileSync(answers as string, 'utf8')) as { expectations: Expectation[] }).expectations.find(
    (one) => one.test === name,
  )?.value;

/** The kernel's name in snake case, without the protocol before it; and those that are irregular. */
function fieldOf(name: string): string {
  const irregular: Readonly<Record<string, string>> = {
    TCPReqQFullDrop: 'req_q_full_drop',
    TCPRcvQDrop: 'rcv_q_drop',
    TCPOFOQueue: 'ofo_queue',
    InEchoReplies: 'in_echo_reps',
    OutEchoReplies: 'out_echo_reps',
    OutForwDatagrams: 'forw_datagrams',
  };
  return (
    irregular[name] ??
    name
      .replace(/^TCP/, '')
      .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
      .toLowerCase()
  );
}

describe.skipIf(!archive || !answers)('prometheus/procfs (skipped where its material is not beside the repository)', () => {
  const folder = temporaryFolder();
  const text = (path: string): string => readFileSync(join(folder, 'fixtures/proc', path), 'utf8');
  beforeAll(() => unpackTtar(archive as string, folder));

  /** Every counter of the three files: protocol, kernel's name, value. */
  function counters(): [string, string, number][] {
    const found: [string, string, number][] = [];
    for (const file of ['snmp', 'netstat']) {
      const lines = text(`26231/net/${file}`).trim().split('\n');
      for (let i = 0; i < lines.length; i += 2) {
        const [protocol = '', ...names] = (lines[i] as string).split(' ');
        const [, ...numbers] = (lines[i + 1] as string).split(' ');
        names.forEach((name, n) => {
          found.push([protocol.slice(0, -1), name, Number(numbers[n])]);
        });
      }
    }
    for (const [, protocol = '', name = '', value] of text('26231/net/snmp6').matchAll(/^(\w+?6)(\w+)\s+(\d+)$/gm))
      found.push([protocol, name, Number(value)]);
    return found;
  }

  test('snmp, netstat, snmp6: each of the 109 values that are reported, of 301', async () => {
    const names = ['snmp', 'netstat', 'snmp6'];
    const { host } = hostOf(Object.fromEntries(names.map((name) => [`proc/net/${name}`, text(`26231/net/${name}`)])));
    const tables = await sampleOnce(sockets, host);
    const row = (type: string, version?: string): PlainRow =>
      rowsOf(tables, `system.network.${type}`).find((one) => one['network.type'] === version) ?? {};
    const rows: Record<string, PlainRow> = {
      Tcp: row('tcp'),
      TcpExt: row('tcp'),
      Udp: row('udp', 'ipv4'),
      Udp6: row('udp', 'ipv6'),
      Ip: row('ip', 'ipv4'),
      IpExt: row('ip', 'ipv4'),
      Ip6: row('ip', 'ipv6'),
      Icmp: row('icmp', 'ipv4'),
      Icmp6: row('icmp', 'ipv6'),
    };
    const all = counters();
    let compared = 0;
    for (const [protocol, name, value] of all) {
      const is = rows[protocol]?.[fieldOf(name)];
      if (is === undefined) continue;
      expect(is, `${protocol} ${name}`).toBe(value);
      compared++;
    }
    const reported = [...new Set(Object.values(rows))]
      .flatMap((one) => Object.values(one))
      .filter((one) => typeof one === 'number');
    expect([compared, reported.length, all.length]).toEqual([109, 109, 301]);
  });

  test('Test_parseSockstat: 5 of 5 cases, 18 values', async () => {
    let compared = 0;
    for (const { name, s, ok, stat } of expected('Test_parseSockstat') as SockstatCase[]) {
      const sample = sampleOnce(sockets, hostOf({ 'proc/net/sockstat': s ?? '', 'proc/net/snmp': '' }).host, { states: false });
      if (!ok) {
        await expect(sample, name).rejects.toThrow(/a word without a number/);
        continue;
      }
      const tables = await sample;
      const rows = rowsOf(tables, 'system.network.socket');
      const same = (is: unknown, should: unknown): void => {
        expect(is, name).toBe(should);
        compared++;
      };
      if (stat?.Used) same(rows.find((row) => 'used' in row)?.['used'], stat.Used.args[0]);
      for (const { Protocol, InUse = 0, ...more } of stat?.Protocols ?? []) {
        const [, word = '', six] = /^([A-Z]+)(6?)$/.exec(Protocol) ?? [];
        const version = six ? 'ipv6' : 'ipv4';
        const number = (key: string): number | undefined => (more[key] as Call | undefined)?.args[0];
        if (word === 'FRAG') {
          const fragment = rowsOf(tables, 'system.network.fragment').find((row) => row['network.type'] === version);
          same(fragment?.['inuse'], InUse);
          same(fragment?.['memory'], number('Memory'));
          continue;
        }
        const ofTransport = rows.filter((row) => row['network.transport'] === word.toLowerCase());
        same(ofTransport.find((row) => row['network.type'] === version)?.['inuse'], InUse);
        const kept = ofTransport.find((row) => 'memory' in row);
        for (const [key, field] of Object.entries({ Orphan: 'orphan', TW: 'time_wait', Alloc: 'alloc' }))
          if (number(key) !== undefined) same(kept?.[field], number(key));
        const pages = number('Mem');
        if (pages !== undefined) same(kept?.['memory'], pages * 4096);
      }
    }
    expect(compared).toBe(18);
  });

  test('Test_newNetTCP: the state of 5 of 5 connections', async () => {
    const files = expected('Test_newNetTCP') as { file: string; want: { St: number }[] | null }[];
    const states: Readonly<Record<number, string>> = { 7: 'closed', 10: 'listen' };
    for (const name of ['tcp', 'tcp6']) {
      const want = files.find(({ file }) => file.endsWith(`/${name}`))?.want ?? [];
      const { host } = hostOf({ 'proc/net/sockstat': '', [`proc/net/${name}`]: text(`net/${name}`) });
      const rows = rowsOf(await sampleOnce(sockets, host), 'system.network.connection').filter((row) => row['count'] !== 0);
      const counts = Map.groupBy(want, ({ St }) => states[St] as string);
      expect(rows.map((row) => [row['network.connection.state'], row['count']])).toEqual(
        [...counts].map(([state, all]) => [state, all.length]),
      );
    }
  });

  const sameMount = (is: unknown, want: MountInfo): void => {
    expect(is).toMatchObject({
      id: `${want.MountID}`,
      parent: `${want.ParentID ?? 0}`,
      device: want.MajorMinorVer,
      root: want.Root,
      point: want.MountPoint,
      type: want.FSType,
      source: want.Source,
      readOnly: { here: 'ro' in want.Options, whole: 'ro' in want.SuperOptions },
    });
  };

  test('TestMountInfo: 9 of 9 lines', () => {
    const cases = expected('TestMountInfo') as { s: string; invalid?: boolean; mount?: MountInfo }[];
    expect(cases).toHaveLength(9);
    for (const { s, invalid, mount } of cases) {
      if (invalid) expect(() => parseMounts(Text.of(s))).toThrow(/no filesystem type/);
      else sameMount(parseMounts(Text.of(s))[0], mount as MountInfo);
    }
  });

  test('TestFSMountInfo: 7 of 8 lines; the other has two blanks, which a kernel does not write', () => {
    const [first, ...mounts] = parseMounts(Text.of(text('26231/mountinfo')));
    const [, ...wanted] = expected('TestFSMountInfo') as MountInfo[];
    expect(first).toMatchObject({ point: '/root', type: 'rootfs' });
    expect(mounts).toHaveLength(7);
    mounts.forEach((mount, i) => sameMount(mount, wanted[i] as MountInfo));
    expect(visibleMounts(mounts).get('/mnt/nfs/test')).toMatchObject({ id: '1398', type: 'nfs' });
  });
});
