import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import sensor from '../../sensors/process.ts';
import { Malformed, Unavailable } from '../../src/errors.ts';
import { Host } from '../../src/host.ts';
import { by, KERNEL_THREAD, ProcFolder, statLine } from '../process/proc-folder.ts';
import { expectGolden, fixtureHost, hostAt, hostOf, open, rowsOf, sample, sampleOnce, sensorContext } from '../support.ts';
import { temporaryFolder } from '../temporary.ts';

describe('golden', () => {
  const all = { status: true, pss: true };
  it.each([
    ['expected', {}],
    ['all-of-everything', { ...all, kernel_threads: true }],
    ['by-name', { ...all, group_by: 'name' }],
    ['by-user', { group_by: 'user', io: false, file_descriptors: false }],
    ['by-cgroup', { group_by: 'cgroup', kernel_threads: true, io: false }],
    [
      'groups',
      {
        children: true,
        groups: { web: { pidfiles: ['/run/nginx.pid'] }, api: { pattern: '^node .*server\\.js$' }, none: { names: 'x*' } },
      },
    ],
  ])('web-server/%s', async (name, options) => {
    expectGolden(`process/web-server/${name}.json`, await sampleOnce(sensor, fixtureHost('process/web-server'), options));
  });
});

/** A machine of which each selector takes another part. */
const MACHINE = {
  1: { name: 'init', cgroup: '/init.scope' },
  2: { name: 'kthreadd', parent: 0, flags: KERNEL_THREAD },
  10: { name: 'web', command: 'web --port 80', uid: 33, cgroup: '/system.slice/web.service' },
  11: { name: 'web-worker', command: 'web: worker', parent: 10, uid: 33, cgroup: '/system.slice/web.service' },
  12: { name: 'cgi', command: 'cgi a b', parent: 11, uid: 34, cgroup: '/system.slice/web.service' },
  20: { name: 'java', command: 'java -jar shop.jar', uid: 1000, cgroup: '/user.slice/a' },
  30: { name: 'sh', command: 'sh', uid: 1000, cgroup: '/user.slice/b' },
};

describe('selection', () => {
  const selected = async (options: unknown): Promise<string[]> => {
    const machine = new ProcFolder();
    machine.show(MACHINE);
    machine.files({
      'root/etc/passwd': 'www:x:33:33::/:/bin/sh\n',
      'root/run/java.pid': ' 20\n/srv/shop\n',
      'root/run/stale.pid': '999\n',
    });
    return rowsOf(await sampleOnce(sensor, machine.host, options), 'process').map((row) => row['process.pid'] as string);
  };

  it.each([
    ['all by default, without threads of the kernel', {}, '1 10 11 12 20 30'],
    ['threads of the kernel where asked for', { kernel_threads: true }, '1 2 10 11 12 20 30'],
    ['names', { names: ['web*', 'sh'] }, '10 11 30'],
    ['names but some', { names: ['!web*', '!sh'] }, '1 12 20'],
    ['a pattern, found in the arguments', { pattern: 'jar shop|: worker$' }, '11 20'],
    ['a pattern of all arguments', { pattern: '^java -jar shop\\.jar$' }, '20'],
    ['users by name and number', { users: ['www', 1000] }, '10 11 20 30'],
    ['users by number as a text', { users: ['33'] }, '10 11'],
    ['cgroups', { cgroups: '/user.slice/*' }, '20 30'],
    ['PID files, of which some are stale or missing', { pidfiles: ['/run/java.pid', '/run/stale.pid', '/run/no.pid'] }, '20'],
    ['any of several selectors', { names: 'sh', users: [34], pattern: '^java', pidfiles: ['/run/java.pid'] }, '12 20 30'],
    ['descendants', { names: 'web', children: true }, '10 11 12'],
    ['nobody', { names: 'none' }, ''],
  ])('takes %s', async (_, options, pids) => {
    expect((await selected(options)).join(' ')).toBe(pids);
  });

  it('counts what is beyond the limit, and leaves out no other', async () => {
    const machine = new ProcFolder();
    machine.show(MACHINE);
    const sampler = await open(sensor, machine.host, { limit: 2 });
    for (let i = 0; i < 3; i++) {
      const tables = await sample(sampler);
      expect(rowsOf(tables, 'process').map((row) => row['process.pid'])).toEqual(['1', '10']);
      expect(rowsOf(tables, 'process.selection')).toEqual([{ count: 6, omitted: 4, hidden: 0 }]);
    }
    await sampler.close?.();
  });

  it('looks at a process again one sample after its birth, when its name changes, and now and then', async () => {
    const machine = new ProcFolder();
    machine.show({ 1: {}, 5: { name: 'sh', uid: 0 } });
    const sampler = await open(sensor, machine.host, { names: 'server', users: [33] });
    expect(by(await sample(sampler), 'process', 'process.pid')).toEqual({});
    machine.show({ 5: { name: 'server', uid: 0 } });
    expect(Object.keys(by(await sample(sampler), 'process', 'process.pid'))).toEqual(['5']);
    // It is read at every sample now, so that a change of its name is seen.
    machine.show({ 5: { name: 'other', uid: 0 } });
    expect(by(await sample(sampler), 'process', 'process.pid')).toEqual({});
    machine.show({ 5: { name: 'other', uid: 33 } });
    let samples = 1;
    while (rowsOf(await sample(sampler), 'process').length === 0 && samples < 100) samples++;
    expect(samples).toBeLessThanOrEqual(16);
    await sampler.close?.();
  });

  it('keeps what a PID file named until it ends, beside its successor', async () => {
    const machine = new ProcFolder();
    machine.show({ 1: {}, 5: {}, 6: {} });
    machine.files({ 'root/run/a.pid': '5\n' });
    const sampler = await open(sensor, machine.host, { pidfiles: ['/run/a.pid'] });
    const pids = async (): Promise<string[]> => Object.keys(by(await sample(sampler), 'process', 'process.pid'));
    expect(await pids()).toEqual(['5']);
    machine.files({ 'root/run/a.pid': '6\n' });
    expect(await pids()).toEqual(['5', '6']);
    machine.show({}, [5]);
    expect(await pids()).toEqual(['6']);
    await sampler.close?.();
  });

  it('takes the top by CPU time since the last sample, and by memory', async () => {
    const machine = new ProcFolder();
    machine.show({ 1: { user: 900, resident: 1 }, 2: { resident: 9 }, 3: { resident: 2 }, 4: { name: 'me' } });
    const sampler = await open(sensor, machine.host, { top: 1, names: 'me' });
    const pids = async (): Promise<string[]> => Object.keys(by(await sample(sampler), 'process', 'process.pid'));
    expect(await pids()).toEqual(['2', '4']);
    machine.show({ 3: { resident: 2, system: 5 }, 1: { user: 902, resident: 1 } });
    expect(await pids()).toEqual(['2', '3', '4']);
    machine.show({ 7: { user: 3, start: 500 }, 3: { resident: 20, system: 6 } }, [4]);
    expect(await pids()).toEqual(['3', '7']);
    await sampler.close?.();
  });
});

describe('a process', () => {
  it.each([1024, 0])('that gives its number to another is another, with %i files kept open', async (keep_open) => {
    const machine = new ProcFolder();
    machine.show({ 1: {}, 5: { name: 'old', start: 100, user: 700 } });
    const sampler = await open(sensor, machine.host, { group_by: 'name', keep_open });
    expect(by(await sample(sampler), 'process.cpu', 'process.group.name', 'cpu.mode')['old user']).toMatchObject({ time: 7 });
    machine.show({ 5: { name: 'new', start: 300, user: 20 } });
    const times = by(await sample(sampler), 'process.cpu', 'process.group.name', 'cpu.mode');
    expect([times['old user']?.['time'], times['new user']?.['time']]).toEqual([7, 0.2]);
    await sampler.close?.();
  });

  it('whose files go while it is read is skipped, and not one that lacks some', async () => {
    const { host, folder } = hostOf({
      'proc/1/stat': statLine(1),
      'proc/5/stat': statLine(5, { user: 100 }),
      'proc/6/status': 'Uid:\t0\t0\n',
    });
    const sampler = await open(sensor, host, { keep_open: 0 });
    // Process 6 went before its first read; the others have no `io`, as on kernels that do not count it.
    expect(Object.keys(by(await sample(sampler), 'process', 'process.pid'))).toEqual(['1', '5']);
    rmSync(join(folder, 'proc/5/stat'));
    expect(Object.keys(by(await sample(sampler), 'process', 'process.pid'))).toEqual(['1']);
    await sampler.close?.();
  });

  it('that goes after its stat was read has no row', async () => {
    const machine = new ProcFolder();
    machine.show({ 1: { io: {} }, 5: { io: {} } });
    const onRead = (path: string): void => {
      if (path.endsWith('/5/io')) machine.show({}, [5]);
    };
    const tables = await sampleOnce(sensor, hostAt(machine.folder, { onRead }));
    expect(Object.keys(by(tables, 'process', 'process.pid'))).toEqual(['1']);
  });

  it('with a malformed stat fails the sample, and the next goes well', async () => {
    const machine = new ProcFolder();
    machine.show({ 1: {}, 5: {} });
    const sampler = await open(sensor, machine.host);
    await sample(sampler);
    machine.files({ 'proc/5/stat': '5 (app) S 1 x\n' });
    expect(() => sampler.sample(new AbortController().signal, 0)).toThrow(Malformed);
    machine.show({ 5: {} });
    expect(rowsOf(await sample(sampler), 'process')).toHaveLength(2);
    await sampler.close?.();
  });

  it('counts memory in pages of the size that the machine has', async () => {
    const machine = new ProcFolder();
    machine.show({ 1: { resident: 3 } });
    const auxv = new BigUint64Array([3n, 77n, 6n, 65536n, 0n, 0n]);
    machine.files({ 'proc/self/auxv': Buffer.from(auxv.buffer) });
    expect(rowsOf(await sampleOnce(sensor, machine.host), 'process')[0]).toMatchObject({ 'memory.usage': 196608 });
  });
});

describe('options', () => {
  it.each([
    [{ top: 3, group_by: 'name' }, 'cannot be grouped'],
    [{ names: 'a', groups: { b: { names: 'b' } } }, 'move names into a group'],
    [{ group_by: 'user', groups: { b: { names: 'b' } } }, 'exclude each other'],
    [{ groups: { b: {} } }, 'selects nothing'],
    [{ pattern: '(' }, 'not a regular expression'],
    [{ name: 'a' }, 'Unrecognized key'],
  ])('%j are refused', (options, why) => {
    const { error } = sensor.options.safeParse(options);
    expect(error?.message).toContain(why);
  });
});

describe('without processes', () => {
  it('it is unavailable', () => {
    const given = sensor.options.parse({});
    expect(() => sensor.open(new Host({ proc: temporaryFolder(), platform: 'linux' }), given, sensorContext())).toThrow(
      Unavailable,
    );
    expect(() => sensor.open(new Host({ platform: 'darwin' }), given, sensorContext())).toThrow('this is darwin');
  });
});
