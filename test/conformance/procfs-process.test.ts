/**
 * prometheus/procfs' processes and expectations, through `process` and `processes`, and through their parsers where a folder lacks
 * what a whole process has.
 *
 * Compared, 20 of 31: TestProcStat's first block and TestProcStatLimits (7 of 8, all but the number of the process), TestProcIO (4 of
 * 7), TestCmdLine (3), TestComm (1 of 2: the other disagrees with its own `stat`), TestParseCgroupString (5). Left, because nothing
 * here reads them: of io the characters and cancelled writes; and whole tests: limits, statm, the rest of stat and of status,
 * smaps_rollup, environ, namespaces, wchan, exe, cwd, root, fd targets, fdinfo and psi of a process.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import sensor from '../../sensors/process.ts';
import processes from '../../sensors/processes.ts';
import { cgroupPath } from '../../src/process/identity.ts';
import { STAT, Stat } from '../../src/process/stat.ts';
import { by } from '../process/proc-folder.ts';
import { conformance, hostAt, type PlainRow, type PlainTable, sampleOnce, unpackTtar } from '../support.ts';
import { temporaryFolder } from '../temporary.ts';

const archive = conformance('procfs/fixtures.ttar.gz');
const answers = conformance('procfs/expected-from-go-tests.json');
const there = archive !== undefined && answers !== undefined;

interface Named {
  readonly name: string;
  readonly want: number | { readonly go: string };
}

/** Go's extremes of 64 bits, as doubles. */
const GO: Readonly<Record<string, number>> = { 'math.MinInt64': -(2 ** 63), 'math.MaxInt64': 2 ** 63 };

describe.skipIf(!there)(
  there ? 'processes of prometheus/procfs' : 'processes of prometheus/procfs (skipped: not beside the repository)',
  () => {
    let proc: string;
    let tables: PlainTable[];
    let withStatus: PlainTable[];
    const blocks = there
      ? (JSON.parse(readFileSync(answers, 'utf8')) as { expectations: { test: string; value: unknown }[] }).expectations
      : [];
    /** All values of a test, whichever block they stand in. */
    const valuesOf = (test: string): unknown[] => blocks.filter((block) => block.test === test).flatMap(({ value }) => value);
    const wantOf = (test: string): Record<string, number> =>
      Object.fromEntries(
        (valuesOf(test) as Named[]).map(({ name, want }) => [name, typeof want === 'number' ? want : (GO[want.go] as number)]),
      );
    const parse = (pid: number): Stat => {
      const bytes = readFileSync(join(proc, String(pid), 'stat'));
      const stat = new Stat();
      stat.parse(bytes, bytes.length, `${pid}/stat`);
      return stat;
    };

    beforeAll(async () => {
      const folder = temporaryFolder();
      unpackTtar(archive as string, folder);
      proc = join(folder, 'fixtures/proc');
      tables = await sampleOnce(sensor, hostAt(join(folder, 'fixtures')), { kernel_threads: true });
      withStatus = await sampleOnce(sensor, hostAt(join(folder, 'fixtures')), { names: 'vim', status: true });
    });

    const row = (type: string, pid: string, attribute?: string): PlainRow | undefined =>
      by(tables, type, 'process.pid', ...(attribute ? [attribute] : []))[pid];

    it('stat', () => {
      const want = wantOf('TestProcStat');
      const stat = parse(26231);
      expect(stat.field(STAT.user)).toBe(want['user time']);
      expect(stat.field(STAT.system)).toBe(want['system time']);
      expect(stat.field(STAT.start)).toBe(want['start time']);
      expect(stat.field(STAT.virtual)).toBe(want['virtual memory size']);
      expect(stat.field(STAT.resident)).toBe(want['resident set size']);
      expect(row('process.cpu', '26231 user', 'cpu.mode')?.['time']).toBe((want['user time'] as number) / 100);
      expect(row('process.cpu', '26231 system', 'cpu.mode')?.['time']).toBe((want['system time'] as number) / 100);
      expect(row('process', '26231')).toMatchObject({
        'memory.virtual': want['virtual memory size'],
        'memory.usage': (want['resident set size'] as number) * 4096,
        'unix.file_descriptor.count': 5,
        start_time: 1418183276 + (want['start time'] as number) / 100,
      });
    });

    it('stat with the extremes of 64 bits', () => {
      const want = wantOf('TestProcStatLimits');
      const stat = parse(26232);
      expect(stat.field(STAT.childrenUser)).toBe(want['waited for children user time']);
      expect(stat.field(STAT.childrenSystem)).toBe(want['waited for children system time']);
    });

    it('io', () => {
      const want = wantOf('TestProcIO');
      expect(row('process.disk', '26231 read', 'disk.io.direction')).toMatchObject({
        io: want['ReadBytes'],
        operations: want['SyscR'],
      });
      expect(row('process.disk', '26231 write', 'disk.io.direction')).toMatchObject({
        io: want['WriteBytes'],
        operations: want['SyscW'],
      });
    });

    it('status, of which no test there expects what is read here', () => {
      const switches = by(withStatus, 'process', 'process.context_switch.type');
      expect(switches['voluntary']?.['context_switches']).toBe(4742839);
      expect(switches['involuntary']?.['context_switches']).toBe(1727500);
      expect(by(withStatus, 'process.memory', 'process.pid')['26231']).toMatchObject({ swap: 660 * 1024 });
    });

    it('comm', () => {
      const [want] = valuesOf('TestComm') as { process: number; want: string }[];
      expect(row('process', String(want?.process))?.['process.executable.name']).toBe(want?.want);
      // The process that ends its line with another, and has brackets and blanks in its name.
      expect(row('process', '584')).toMatchObject({ 'process.executable.name': '(a b ) ( c d) ', running: 1, 'thread.count': 1 });
      expect(row('process', '27079')).toMatchObject({ 'process.executable.name': 'pthread_load', 'thread.count': 5 });
    });

    it('cmdline, by selecting each process with its own', async () => {
      const cases = valuesOf('TestCmdLine') as { process: number; want: string[] }[];
      expect(cases).toHaveLength(3);
      for (const { process, want } of cases) {
        const pattern = `^${want.join(' ').replaceAll(/[.+]/g, '\\$&')}$`;
        const found = by(
          await sampleOnce(sensor, hostAt(join(proc, '..')), { pattern, kernel_threads: true }),
          'process',
          'process.pid',
        );
        // 26233 has no stat, so that it is no process; 26232 has no arguments, as have those without a file.
        if (process === 26233) expect(found).toEqual({});
        else expect(Object.keys(found)).toContain(String(process));
        if (want.length > 0) expect(Object.keys(found).length).toBeLessThan(2);
      }
    });

    it('cgroup', () => {
      const cases = valuesOf('TestParseCgroupString') as {
        name: string;
        s: string;
        shouldErr: boolean;
        cgroup: { Path: string } | null;
      }[];
      expect(cases).toHaveLength(5);
      for (const { name, s, shouldErr, cgroup } of cases) expect(cgroupPath(s), name).toBe(shouldErr ? '/' : cgroup?.Path);
    });

    it('states', async () => {
      const counts = by(await sampleOnce(processes, hostAt(join(proc, '..'))), 'system.process', 'process.state');
      expect(Object.fromEntries(Object.entries(counts).map(([state, { count }]) => [state, count]))).toEqual({
        running: 2,
        sleeping: 2,
        blocked: 0,
        idle: 0,
        stopped: 0,
        defunct: 0,
        unknown: 0,
      });
    });
  },
);
