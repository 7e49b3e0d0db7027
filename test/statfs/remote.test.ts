import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, describe, expect, test, vi } from 'vitest';
import type { Place } from '../../src/statfs/mount-table.ts';
import { type RemoteAnswer, type RemoteOptions, RemoteSizes } from '../../src/statfs/remote.ts';
import { FakeClock } from '../clock.ts';
import { REPOSITORY, writeFiles } from '../support.ts';
import { temporaryFolder } from '../temporary.ts';
import { type Command, isRunning, place, SIZE, SIZES, standIn } from './stand-in.ts';

const TIMEOUT = 2000;
const RETRY = 600_000;
const HUNG = { hung: true };
const FAILED = { error: 'EPIPE' };
const never = new AbortController().signal;
/** Real processes start and end here; they are waited for, and nothing is measured. */
const WAIT = { timeout: 20_000, interval: 10 };

const opened: RemoteSizes[] = [];
afterEach(() => {
  for (const remote of opened.splice(0)) remote.close();
});

function remoteOf(command: Command | undefined, options: Partial<RemoteOptions> = {}): { remote: RemoteSizes; clock: FakeClock } {
  const clock = new FakeClock();
  const remote = new RemoteSizes({ timeoutMs: TIMEOUT, retryMs: RETRY, clock, ...(command && { command }), ...options });
  opened.push(remote);
  return { remote, clock };
}

/** Asks, and lets the deadline pass as often as answers are waited for once the helper is ready. */
async function askPast(remote: RemoteSizes, clock: FakeClock, places: readonly Place[]): Promise<Map<string, RemoteAnswer>> {
  let done = false;
  const answers = remote.ask(places, never).finally(() => {
    done = true;
  });
  while (!done) {
    await vi.waitFor(() => expect(done || clock.next === TIMEOUT).toBe(true), WAIT);
    if (!done) await clock.advance(TIMEOUT);
  }
  return await answers;
}

describe('a helper that answers', () => {
  test('starts when it is first needed, and goes on', async () => {
    const { command, pids } = standIn(SIZES);
    const { remote } = remoteOf(command);
    expect(pids()).toEqual([]);
    const places = [place('/a'), place('/with a blank\nand a line')];
    for (let i = 0; i < 3; i++) {
      expect(await remote.ask(places, never)).toEqual(new Map(places.map(({ path }) => [path, SIZE])));
    }
    expect(pids()).toHaveLength(1);
  });

  test('is asked more at once than it has threads for in rounds', async () => {
    const { command, pids } = standIn(SIZES);
    const places = Array.from({ length: 40 }, (_, i) => place(`/${i}`));
    expect([...(await remoteOf(command).remote.ask(places, never)).values()]).toEqual(places.map(() => SIZE));
    expect(pids()).toHaveLength(1);
  });

  test('is given no variables and no folder of ours', async () => {
    const { command } = standIn(`const ours = 'PATH' in process.env || 'HOME' in process.env || process.cwd() !== '/';
      return number + (ours ? ' EMORE' : ' ENONE') + '\\n';`);
    expect([...(await remoteOf(command).remote.ask([place('/a')], never)).values()]).toEqual([{ error: 'ENONE' }]);
  });

  test('may take its time to start, and may answer just before the deadline', async () => {
    const hold = `const timer = setInterval(() => {
      if (existsSync(FOLDER + '/go')) { clearInterval(timer); say(number + ' ENOENT\\n'); }
    }, 5);`;
    const { command, folder } = standIn(hold, `while (!existsSync(FOLDER + '/start'));`);
    const { remote, clock } = remoteOf(command);
    const answers = remote.ask([place('/slow')], never);
    await clock.advance(TIMEOUT * 5);
    writeFileSync(join(folder, 'start'), '');
    await vi.waitFor(() => expect(clock.next).toBe(TIMEOUT), WAIT);
    await clock.advance(TIMEOUT - 1);
    writeFileSync(join(folder, 'go'), '');
    expect(await answers).toEqual(new Map([['/slow', { error: 'ENOENT' }]]));
  });

  test('is killed at close, and not replaced', async () => {
    const { command, pids } = standIn(`if (path !== '/hung') ${SIZES}`);
    const { remote, clock } = remoteOf(command);
    const answers = remote.ask([place('/hung')], never);
    await vi.waitFor(() => expect(clock.next).toBe(TIMEOUT), WAIT);
    remote.close();
    expect([...(await answers).values()]).toEqual([FAILED]);
    await vi.waitFor(() => expect(pids().filter(isRunning)).toEqual([]), WAIT);
    expect(pids()).toHaveLength(1);
  });
});

describe('a mount that does not answer', () => {
  const { command, pids, folder } = standIn(`if (!path.startsWith('/hung') || existsSync(FOLDER + '/mended')) ${SIZES}`);
  const places = [place('/hung1'), place('/a'), place('/hung2'), place('/b')];
  const expected = new Map<string, RemoteAnswer>([
    ['/hung1', HUNG],
    ['/a', SIZE],
    ['/hung2', HUNG],
    ['/b', SIZE],
  ] as [string, RemoteAnswer][]);
  const started = (): number => pids().length;

  test('is hung after the deadline, with all that hang beside it; the helper is killed, and a new one goes on', async () => {
    const { remote, clock } = remoteOf(command);
    const before = started();
    expect(await askPast(remote, clock, places)).toEqual(expected);
    expect(clock.monotonic()).toBe(TIMEOUT);
    await vi.waitFor(() => expect(pids().slice(before).filter(isRunning)).toEqual([]), WAIT);
    expect(started()).toBe(before + 1);
    const again = await remote.ask(places, never);
    expect(again).toEqual(expected);
    expect(clock.monotonic()).toBe(TIMEOUT);
    expect(started()).toBe(before + 2);
  });

  test('needs no helper while it rests, and is asked again when the time has come', async () => {
    const { remote, clock } = remoteOf(command);
    const hung = [place('/hung1')];
    expect(remote.resting(hung)).toEqual(new Map());
    await askPast(remote, clock, hung);
    const before = started();
    await clock.advance(RETRY - 1);
    expect(remote.resting(hung)).toEqual(new Map([['/hung1', HUNG]]));
    expect(await remote.ask(hung, never)).toEqual(new Map([['/hung1', HUNG]]));
    expect(started()).toBe(before);
    await clock.advance(1);
    expect(remote.resting(hung)).toEqual(new Map());
    expect(await askPast(remote, clock, hung)).toEqual(new Map([['/hung1', HUNG]]));
    expect(started()).toBe(before + 1);
    expect(remote.resting(hung)).toEqual(new Map([['/hung1', HUNG]]));
    await clock.advance(RETRY);
    writeFileSync(join(folder, 'mended'), '');
    expect(await remote.ask(hung, never)).toEqual(new Map([['/hung1', SIZE]]));
    rmSync(join(folder, 'mended'));
  });

  test('is asked at once when it is mounted anew', async () => {
    const { remote, clock } = remoteOf(command);
    await askPast(remote, clock, [place('/hung1')]);
    const anew = [place('/hung1', 'another line')];
    expect(remote.resting(anew)).toEqual(new Map());
    expect(await askPast(remote, clock, anew)).toEqual(new Map([['/hung1', HUNG]]));
    // Mounted as it was, after it was gone: what was known of it is forgotten.
    expect(remote.resting([place('/hung1')])).toEqual(new Map());
  });

  test('is hung at the abort of a sample that is shorter than the deadline', async () => {
    const { remote, clock } = remoteOf(command);
    const controller = new AbortController();
    const answers = remote.ask([place('/hung1')], controller.signal);
    await vi.waitFor(() => expect(clock.next).toBe(TIMEOUT), WAIT);
    controller.abort();
    expect(await answers).toEqual(new Map([['/hung1', HUNG]]));
    expect(clock.timers).toBe(0);
    // Twice, so that the helper is ready: one that is not would not be taken for hung anyway.
    for (let i = 0; i < 2; i++) expect(await remote.ask([place('/a')], never)).toEqual(new Map([['/a', SIZE]]));
    expect(await remote.ask([place('/a')], controller.signal)).toEqual(new Map([['/a', FAILED]]));
  });

  test('has stopped its helper too: that is killed all the same', async () => {
    const stuck = standIn(`say('ready\\n'); Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);`);
    const { remote, clock } = remoteOf(stuck.command);
    expect(await askPast(remote, clock, [place('/a')])).toEqual(new Map([['/a', HUNG]]));
    await vi.waitFor(() => expect(stuck.pids().map(isRunning)).toEqual([false]), WAIT);
  });

  test('leaves a helper behind that does not die, and is not waited for', async () => {
    // The shell is killed, and the process that it waits for has the other ends of the pipes.
    const shell: Command = ['/bin/sh', '-c', `'${command[0]}' '${command[1]}'; true`];
    const { remote, clock } = remoteOf(shell);
    expect(await askPast(remote, clock, [place('/hung1'), place('/a')])).toEqual(
      new Map<string, RemoteAnswer>([
        ['/a', SIZE],
        ['/hung1', { hung: true }],
      ]),
    );
  });
});

describe('a helper that is of no use', () => {
  test.each([
    ['dies', `process.exit(3);`, ''],
    ['is killed', `process.kill(process.pid, 'SIGSEGV');`, ''],
    ['does not get as far as to start', SIZES, 'process.exit();'],
    ['prints garbage', `return 'the size is 5\\n';`, ''],
    ['prints numbers that are none', `return number + ' 1 2 3 4 NaN\\n';`, ''],
    ['prints too few numbers', `return number + ' 1 2 3 4\\n';`, ''],
    ['answers what was not asked', `return '99 1 2 3 4 5\\n';`, ''],
    ['prints without end', `say('x'.repeat(5000)); Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);`, ''],
    ['says that it is ready twice', `return 'ready\\n';`, ''],
  ])('%s: it is replaced once, and then the mount has failed in this sample', async (_, answer, start) => {
    const { command, pids } = standIn(answer, start);
    const { remote, clock } = remoteOf(command);
    expect(await remote.ask([place('/a')], never)).toEqual(new Map([['/a', FAILED]]));
    expect(clock.timers).toBe(0);
    expect(pids()).toHaveLength(2);
    await vi.waitFor(() => expect(pids().filter(isRunning)).toEqual([]), WAIT);
    await remote.ask([place('/a')], never);
    expect(pids()).toHaveLength(4);
  });

  test('dies once: its replacement answers what is open', async () => {
    const { command, pids } = standIn(`
      if (path === '/b' && !existsSync(FOLDER + '/died')) { appendFileSync(FOLDER + '/died', ''); process.exit(1); }
      ${SIZES}`);
    const answers = await remoteOf(command).remote.ask([place('/a'), place('/b'), place('/c')], never);
    expect([...answers.values()]).toEqual([SIZE, SIZE, SIZE]);
    expect(pids()).toHaveLength(2);
  });

  test('cannot be run', async () => {
    const { remote } = remoteOf([join(temporaryFolder(), 'missing')]);
    expect(await remote.ask([place('/a')], never)).toEqual(new Map([['/a', FAILED]]));
  });

  test('does not start: no mount is hung for that', async () => {
    const { command, pids } = standIn(SIZES, 'setInterval(() => {}, 1000); await new Promise(() => {});');
    const { remote, clock } = remoteOf(command);
    const answers = remote.ask([place('/a')], never);
    await vi.waitFor(() => expect(pids()).toHaveLength(1), WAIT);
    await clock.advance(15_000);
    await vi.waitFor(() => expect(pids()).toHaveLength(2), WAIT);
    await clock.advance(15_000);
    expect(await answers).toEqual(new Map([['/a', FAILED]]));
    expect(remote.resting([place('/a')])).toEqual(new Map());
  });
});

describe('the real helper', () => {
  const helper = join(REPOSITORY, 'src/statfs/helper.ts');

  test('answers what statfs says', async () => {
    const folder = temporaryFolder();
    const { remote } = remoteOf(undefined);
    const answers = await remote.ask([place(folder), place('/not/there')], never);
    const { blocks, bsize, files } = statfsSync(folder);
    expect(answers.get(folder)).toMatchObject({ size: { size: blocks * bsize, inodes: files } });
    expect(answers.get('/not/there')).toEqual({ error: 'ENOENT' });
  });

  test('ends with its input, even while it is asked', async () => {
    const child = spawn(process.execPath, [helper], { stdio: ['pipe', 'pipe', 'inherit'] });
    const exit = once(child, 'exit');
    await once(child.stdout, 'data');
    child.stdin.end('1 "/"\n');
    expect(await exit).toEqual([null, 'SIGKILL']);
  });

  test('does not keep its service from ending', async () => {
    const folder = temporaryFolder();
    writeFiles(folder, {
      'service.ts': `
        import { RemoteSizes } from '${join(REPOSITORY, 'src/statfs/remote.ts')}';
        const remote = new RemoteSizes({ timeoutMs: 600_000, retryMs: 600_000 });
        const answers = await remote.ask([{ path: '/', line: '/' }] as never, new AbortController().signal);
        console.log('size' in answers.get('/')!);`,
    });
    const child = spawn(process.execPath, [join(folder, 'service.ts')], { stdio: ['ignore', 'pipe', 'inherit'] });
    const [output, [code]] = await Promise.all([text(child.stdout), once(child, 'exit')]);
    expect([output, code]).toEqual(['true\n', 0]);
  });
});
