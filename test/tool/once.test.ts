/** One run of a tool: its end, its deadline, its limits. */
import { describe, expect, test, vi } from 'vitest';
import { findTool, requireTool } from '../../src/tool/find.ts';
import { runTool } from '../../src/tool/once.ts';
import { Poll } from '../../src/tool/poll.ts';
import { FakeClock } from '../clock.ts';
import { eventually, lives, standInTool } from './stand-in.ts';

const timeoutMs = 30_000;

describe('a run', () => {
  test('tells output, errors and exit status, whatever that is', async () => {
    const tool = standInTool('tool', 'echo out; echo err >&2; exit 64');
    expect(await runTool([tool.path], { timeoutMs })).toEqual({ output: 'out\n', errors: 'err\n', code: 64 });
  });

  test('that hangs is killed at its deadline, with what it started', async () => {
    const [tool, clock] = [standInTool('tool', 'sleep 1000 & note $!; wait'), new FakeClock()];
    const run = runTool([tool.path], { timeoutMs: 5000, clock }).catch((error: unknown) => error);
    await eventually(() => tool.pids().length === 2, 'the start');
    await clock.advance(5000);
    expect(await run).toMatchObject({ message: 'tool did not end within 5 s, and was killed' });
    await eventually(() => tool.pids().every((pid) => !lives(pid)), 'the end of both');
  });

  test('that outlasts its sample is killed', async () => {
    const [tool, abort] = [standInTool('tool', 'exec sleep 1000'), new AbortController()];
    const run = runTool([tool.path], { timeoutMs, signal: abort.signal }).catch((error: unknown) => error);
    await eventually(() => tool.pids().length === 1, 'the start');
    abort.abort();
    expect(await run).toMatchObject({ message: 'tool was killed: the sample took too long' });
    await eventually(() => !lives(tool.pids()[0] as number), 'its end');
  });

  test('that prints 100 MB is killed at its limit', async () => {
    const tool = standInTool('tool', 'head -c 100000000 /dev/zero');
    await expect(runTool([tool.path], { timeoutMs, bytesMax: 1_000_000 })).rejects.toThrow('wrote more than 1000000 bytes');
  });

  test('that leaves a process behind which holds its output open has ended all the same', async () => {
    const tool = standInTool('tool', 'sleep 1000 & note $!; echo done');
    expect(await runTool([tool.path], { timeoutMs })).toMatchObject({ output: 'done\n', code: 0 });
    await eventually(() => tool.pids().every((pid) => !lives(pid)), 'the end of both');
  });

  test('that is given up before it begins is not started', async () => {
    const tool = standInTool('tool', 'echo out');
    await expect(runTool([tool.path], { timeoutMs, signal: AbortSignal.abort() })).rejects.toThrow('was not started');
    expect(tool.pids()).toEqual([]);
  });

  test('speaks English and knows nothing of our environment', async () => {
    vi.stubEnv('SECRET', 'hidden');
    const tool = standInTool('tool', 'echo "$LC_ALL $SECRET"');
    expect(await runTool([tool.path], { timeoutMs })).toMatchObject({ output: 'C \n' });
    vi.unstubAllEnvs();
  });

  test('that cannot be started says so', async () => {
    await expect(runTool(['/nowhere/tool'], { timeoutMs })).rejects.toThrow('tool is not installed');
    await expect(runTool(['/'], { timeoutMs })).rejects.toThrow(/cannot be started: .*EACCES/);
  });
});

test('a tool is found by its path or its name, and asked for by its option', () => {
  const { path } = standInTool('tool', '');
  expect(findTool(path)).toBe(path);
  expect(findTool('sh')).toMatch(/\/sh$/);
  expect(findTool('no-such-tool-here')).toBeUndefined();
  expect(() => requireTool('/nowhere/tool', '`tool`')).toThrow(
    '/nowhere/tool is not there, or may not be run: install it, or say with `tool` where',
  );
  expect(() => requireTool('no-such-tool-here', '`tool`')).toThrow('no-such-tool-here is in no folder of PATH');
});

test('a poll runs beside, keeps what was said last, and rests longer the longer it fails', async () => {
  const tool = standInTool('tool', 'if [ -e "$FOLDER/broken" ]; then echo no >&2; exit 3; fi; echo 7; touch "$FOLDER/broken"');
  const clock = new FakeClock();
  const poll = new Poll({ command: [tool.path], everyMs: 10_000, parse: Number, clock });
  const ran = async (times: number): Promise<void> => {
    await eventually(() => tool.pids().length === times && !lives(tool.pids().at(-1) as number), `run ${times}`);
    // What it left behind may hold its output open; `close` comes by itself here.
    await eventually(() => clock.timers === 1, `the end of run ${times}`);
  };
  await poll.first;
  expect([poll.latest, poll.fault]).toEqual([7, undefined]);
  await clock.advance(10_000);
  await ran(2);
  await eventually(() => poll.fault !== undefined, 'what run 2 came to');
  await eventually(() => clock.timers === 1, 'the rest after run 2');
  expect([poll.latest, poll.fault]).toEqual([undefined, 'tool ended with code 3: "no"']);
  await clock.advance(19_999);
  expect(tool.pids()).toHaveLength(2);
  await clock.advance(1);
  await ran(3);
  poll.stop();
});
