/** Counters of groups, over sequences of samples. */
import { describe, expect, it } from 'vitest';
import sensor from '../../sensors/process.ts';
import type { Sampler } from '../../src/sensor.ts';
import { open, rowsOf, sample } from '../support.ts';
import { by, ProcFolder, type Shown } from './proc-folder.ts';

/** What a group shows, in ticks, faults and bytes. */
async function shown(sampler: Sampler, group: string): Promise<{ count: number; user: number; minor: number; read: number }> {
  const tables = await sample(sampler);
  const value = (type: string, attribute: string, cell: string, field: string): number =>
    by(tables, type, 'process.group.name', attribute)[`${group} ${cell}`]?.[field] as number;
  return {
    count: by(tables, 'process', 'process.group.name')[group]?.['count'] as number,
    user: Math.round(100 * value('process.cpu', 'cpu.mode', 'user', 'time')),
    minor: value('process.paging', 'system.paging.fault.type', 'minor', 'faults'),
    read: value('process.disk', 'disk.io.direction', 'read', 'io'),
  };
}

const usage = (user: number, more: Shown = {}): Shown => ({ user, minor: user * 10, io: { read: user * 1000 }, ...more });

describe('a group', () => {
  it('keeps what was last read of a member that ends', async () => {
    const machine = new ProcFolder();
    machine.show({ 1: { name: 'init' }, 5: usage(10), 6: usage(20) });
    const sampler = await open(sensor, machine.host, { groups: { g: { names: 'app' } } });
    expect(await shown(sampler, 'g')).toEqual({ count: 2, user: 30, minor: 300, read: 30_000 });
    machine.show({ 5: usage(15) }, [6]);
    expect(await shown(sampler, 'g')).toEqual({ count: 1, user: 35, minor: 350, read: 35_000 });
    machine.show({ 7: usage(1, { start: 900 }) }, [5]);
    expect(await shown(sampler, 'g')).toEqual({ count: 1, user: 36, minor: 360, read: 36_000 });
    machine.show({}, [7]);
    expect(await shown(sampler, 'g')).toEqual({ count: 0, user: 36, minor: 360, read: 36_000 });
    await sampler.close?.();
  });

  it('gets of a process that changes groups what it uses from then on', async () => {
    const machine = new ProcFolder();
    machine.show({ 1: {}, 5: usage(10, { name: 'sh' }) });
    const sampler = await open(sensor, machine.host, { group_by: 'name', io: false });
    expect(await shown(sampler, 'sh')).toMatchObject({ count: 1, user: 10 });
    machine.show({ 5: usage(17, { name: 'server' }) });
    expect(await shown(sampler, 'server')).toMatchObject({ count: 1, user: 7 });
    expect(await shown(sampler, 'sh')).toMatchObject({ count: 0, user: 10 });
    await sampler.close?.();
  });

  it('has no I/O where none may be read, and what was read where it may not be read any more', async () => {
    const machine = new ProcFolder();
    machine.show({ 1: {}, 5: { user: 1 } });
    const sampler = await open(sensor, machine.host, { group_by: 'name', keep_open: 0 });
    expect((await shown(sampler, 'app')).read).toBeUndefined();
    machine.show({ 6: usage(5) });
    expect((await shown(sampler, 'app')).read).toBe(5000);
    machine.show({}, [6]);
    expect((await shown(sampler, 'app')).read).toBe(5000);
    await sampler.close?.();
  });

  it('that processes name goes when it is long empty, and those that the operator names stay', async () => {
    const machine = new ProcFolder();
    const names = Array.from({ length: 70 }, (_, i) => [100 + i, { name: `job${i}` }] as const);
    machine.show({ 1: { name: 'init' }, ...Object.fromEntries(names) });
    const sampler = await open(sensor, machine.host, { group_by: 'name' });
    const groups = async (): Promise<string[]> => Object.keys(by(await sample(sampler), 'process', 'process.group.name'));
    expect(await groups()).toHaveLength(71);
    machine.show({}, [168, 169]);
    expect(await groups()).toHaveLength(71);
    machine.show(
      {},
      names.map(([pid]) => pid),
    );
    const left = await groups();
    expect(left).toHaveLength(65);
    // The first to be empty were the first to go.
    expect(left).not.toContain('job68');
    expect(left).not.toContain('job69');
    expect(left).toContain('init');
    await sampler.close?.();
  });

  it('beyond the limit is counted as omitted, and gets the room of one that is empty', async () => {
    const machine = new ProcFolder();
    machine.show({ 1: { name: 'a' }, 2: { name: 'b' }, 3: { name: 'c' }, 4: { name: 'c' } });
    const sampler = await open(sensor, machine.host, { group_by: 'name', limit: 2 });
    const groups = async (): Promise<unknown> => {
      const tables = await sample(sampler);
      return [Object.keys(by(tables, 'process', 'process.group.name')), rowsOf(tables, 'process.selection')[0]];
    };
    expect(await groups()).toEqual([['a', 'b'], { count: 4, omitted: 2, hidden: 0 }]);
    machine.show({}, [1]);
    await groups();
    expect(await groups()).toEqual([['b', 'c'], { count: 3, omitted: 0, hidden: 0 }]);
    await sampler.close?.();
  });
});

describe('with children', () => {
  const started = async (children: boolean): Promise<{ machine: ProcFolder; sampler: Sampler }> => {
    const machine = new ProcFolder();
    machine.show({ 1: { name: 'init' }, 5: usage(10, { name: 'master' }), 6: usage(20, { name: 'job', parent: 5 }) });
    const sampler = await open(sensor, machine.host, { groups: { g: { names: 'master' } }, children });
    await sample(sampler);
    return { machine, sampler };
  };
  /** The parent, after it waited for children that had used so much in all. */
  const waited = (user: number, own = 10): Shown =>
    usage(own, { name: 'master', childrenUser: user, childrenMinor: user * 10, io: { read: (own + user) * 1000 } });

  it('what a child used after it was last read is counted, once', async () => {
    const { machine, sampler } = await started(true);
    machine.show({ 5: waited(23) }, [6]);
    expect(await shown(sampler, 'g')).toEqual({ count: 1, user: 33, minor: 330, read: 33_000 });
    expect(await shown(sampler, 'g')).toEqual({ count: 1, user: 33, minor: 330, read: 33_000 });
    await sampler.close?.();
  });

  it('a child that lived between two samples is counted', async () => {
    const { machine, sampler } = await started(true);
    machine.show({ 5: waited(4) });
    expect(await shown(sampler, 'g')).toEqual({ count: 2, user: 34, minor: 340, read: 34_000 });
    await sampler.close?.();
  });

  it('a child of a child is a member, also after its parent ended', async () => {
    const { machine, sampler } = await started(true);
    machine.show({ 7: usage(3, { name: 'deep', parent: 6, start: 200 }) });
    expect(await shown(sampler, 'g')).toMatchObject({ count: 3, user: 33 });
    machine.show({ 5: waited(20), 7: usage(5, { name: 'deep', parent: 1, start: 200 }) }, [6]);
    expect(await shown(sampler, 'g')).toMatchObject({ count: 2, user: 35 });
    await sampler.close?.();
  });

  it('a child and its own child that end together are counted once', async () => {
    const { machine, sampler } = await started(true);
    machine.show({ 7: usage(3, { name: 'deep', parent: 6, start: 200 }) });
    await sample(sampler);
    machine.show({ 5: waited(24) }, [6, 7]);
    expect(await shown(sampler, 'g')).toEqual({ count: 1, user: 34, minor: 340, read: 34_000 });
    await sampler.close?.();
  });

  // A scan is not one moment: each process is read at its own.
  it('it is counted once when it was read before, and its parent after the wait', async () => {
    const { machine, sampler } = await started(true);
    machine.show({ 5: waited(24) });
    const torn = await shown(sampler, 'g');
    expect([torn.user, torn.read]).toEqual([54, 54_000]);
    machine.show({ 5: waited(24, 12) }, [6]);
    // It is 36 in truth. The group stands still until it is right again.
    expect(await shown(sampler, 'g')).toEqual({ ...torn, count: 1 });
    machine.show({ 5: waited(24, 110) });
    expect(await shown(sampler, 'g')).toEqual({ count: 1, user: 134, minor: 1340, read: 134_000 });
    await sampler.close?.();
  });

  it('it is counted once when it was missing before its parent was read after the wait', async () => {
    const { machine, sampler } = await started(true);
    machine.show({}, [6]);
    expect(await shown(sampler, 'g')).toEqual({ count: 1, user: 30, minor: 300, read: 30_000 });
    machine.show({ 5: waited(24) });
    expect(await shown(sampler, 'g')).toEqual({ count: 1, user: 34, minor: 340, read: 34_000 });
    await sampler.close?.();
  });

  it.each([
    [
      'the deepest was read before its parent waited, and both ended before the next scan',
      { 6: usage(20, { name: 'job', parent: 5, childrenUser: 3, childrenMinor: 30, io: { read: 23_000 } }) },
      [],
      [6, 7],
    ],
    ['the deepest was read before all, and found missing last', { 5: 23 }, [6], [7]],
    ['the deepest was found missing before its parent was read', {}, [7], [6]],
  ])('three generations are counted once when %s', async (_, torn, goneFirst, goneThen) => {
    const { machine, sampler } = await started(true);
    machine.show({ 7: usage(3, { name: 'deep', parent: 6, start: 200 }) });
    expect(await shown(sampler, 'g')).toMatchObject({ count: 3, user: 33 });
    machine.show(5 in torn ? { 5: waited(23) } : torn, goneFirst);
    await shown(sampler, 'g');
    machine.show({ 5: waited(23) }, goneThen);
    await shown(sampler, 'g');
    machine.show({ 5: waited(23, 110) });
    expect(await shown(sampler, 'g')).toEqual({ count: 1, user: 133, minor: 1330, read: 133_000 });
    await sampler.close?.();
  });

  it('a parent that waits for nobody is owed nothing', async () => {
    const { machine, sampler } = await started(true);
    machine.show({ 5: usage(11, { name: 'master' }) }, [6]);
    expect(await shown(sampler, 'g')).toEqual({ count: 1, user: 31, minor: 310, read: 31_000 });
    await sampler.close?.();
  });

  it('of others than descendants nothing is counted, and without the option no child', async () => {
    const { machine, sampler } = await started(false);
    machine.show({ 5: waited(23, 12), 8: usage(50, { name: 'job', parent: 1 }) }, [6]);
    // What was read by the child is in the parent's own counter, as the kernel has it.
    expect(await shown(sampler, 'g')).toEqual({ count: 1, user: 12, minor: 120, read: 35_000 });
    await sampler.close?.();
  });

  it('in a group by name, I/O of a child is counted once although its parent is told of it', async () => {
    const machine = new ProcFolder();
    machine.show({ 1: { name: 'init' }, 5: usage(10), 6: usage(20, { parent: 5 }) });
    const sampler = await open(sensor, machine.host, { group_by: 'name' });
    await sample(sampler);
    machine.show({ 5: { ...waited(23, 11), name: 'app' } }, [6]);
    // CPU time after the last read is lost, because a child may belong to another group; I/O is told.
    expect(await shown(sampler, 'app')).toEqual({ count: 1, user: 31, minor: 310, read: 34_000 });
    await sampler.close?.();
  });
});
