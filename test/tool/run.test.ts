import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { runTool } from '../../src/tool/run.ts';
import { temporaryFolder } from '../support.ts';
import { isAlive, pidsIn, standIn, writes } from './scripted-tool.ts';

const LONG_MS = 60_000;

describe.skipIf(process.platform !== 'linux')('a tool (skipped where processes are not in /proc)', () => {
  test('what it writes, how it ends, and what it complains of', async () => {
    expect(await runTool([writes('text\n', 3)], { timeoutMs: LONG_MS })).toEqual({
      end: 'done',
      code: 3,
      output: 'text\n',
      complaint: '',
    });
    const complains = standIn('echo "no daemon" >&2; exit 1');
    expect(await runTool([complains], { timeoutMs: LONG_MS })).toMatchObject({ code: 1, complaint: 'no daemon' });
  });

  test('one that is not installed', async () => {
    expect(await runTool([join(temporaryFolder(), 'none')], { timeoutMs: LONG_MS })).toEqual({ end: 'missing' });
  });

  test('one that hangs is killed with all that it started', async () => {
    const pids = join(temporaryFolder(), 'pids');
    const hangs = standIn(`echo $$ >> ${pids}\nsleep 1000 &\necho $! >> ${pids}\nwait`);
    const ran = await runTool([hangs], { timeoutMs: 300 });
    expect(ran).toEqual({ end: 'failed', why: 'it took longer than 300 ms and was killed' });
    await vi.waitFor(() => expect(pidsIn(pids).filter(isAlive)).toEqual([]));
  });

  test('one that is given up with its sample is killed, and none is started behind it', async () => {
    const controller = new AbortController();
    const pids = join(temporaryFolder(), 'pids');
    const running = runTool([standIn(`echo $$ >> ${pids}\nexec sleep 1000`)], { timeoutMs: LONG_MS, signal: controller.signal });
    await vi.waitFor(() => expect(pidsIn(pids)).toHaveLength(1));
    controller.abort();
    expect(await running).toEqual({ end: 'failed', why: 'the sample was given up' });
    await vi.waitFor(() => expect(pidsIn(pids).filter(isAlive)).toEqual([]));
    expect(await runTool([standIn(`echo $$ >> ${pids}`)], { timeoutMs: LONG_MS, signal: controller.signal })).toMatchObject({
      end: 'failed',
    });
    expect(pidsIn(pids)).toHaveLength(1);
  });

  test('one that writes without end is killed', async () => {
    const ran = await runTool([standIn('exec yes')], { timeoutMs: LONG_MS, bytesMax: 10_000 });
    expect(ran).toEqual({ end: 'failed', why: 'it wrote more than 10000 bytes and was killed' });
  });

  test('it speaks English and knows nothing of our environment', async () => {
    vi.stubEnv('SECRET', 'hidden');
    const ran = await runTool([standIn('echo "$LC_ALL $SECRET"')], { timeoutMs: LONG_MS });
    vi.unstubAllEnvs();
    expect(ran).toMatchObject({ output: 'C \n' });
  });
});
