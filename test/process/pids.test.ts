/** The list of processes is what a listing of /proc says, however it was come by. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { describe, expect, onTestFinished, test } from 'vitest';
import { Host } from '../../src/host.ts';
import { isGone, pids } from '../../src/process/pids.ts';
import { hostOf } from '../support.ts';

/** A real /proc with births, ends and threads. */
const isLinux = process.platform === 'linux';

class Machine extends Host {
  listings = 0;

  override list(path: string): string[] | undefined {
    this.listings++;
    return super.list(path);
  }
}

/** Once the turn is over, what was read is read anew. */
async function read(host: Host): Promise<readonly string[]> {
  await Promise.resolve();
  return pids(host);
}

const asleep = async (): Promise<ChildProcess> => {
  const child = spawn('sleep', ['100'], { stdio: 'ignore' });
  await once(child, 'spawn');
  onTestFinished(() => void child.kill('SIGKILL'));
  return child;
};

describe.runIf(isLinux)('on this machine', () => {
  test('has every process that is born, no thread, and each once, in order', async () => {
    const host = new Machine();
    for (let round = 0; round < 60; round++) {
      const children = round % 3 === 0 ? [await asleep(), await asleep()] : [];
      const thread = round % 5 === 0 ? new Worker('setTimeout(() => {}, 20)', { eval: true }) : undefined;
      if (thread) await once(thread, 'online');
      const before = new Set(readdirSync('/proc').filter((name) => /^\d+$/.test(name)));
      const found = await read(host);
      // Others start and end processes, too.
      const missing = [...before].filter((pid) => !found.includes(pid) && existsSync(`/proc/${pid}`));
      expect(missing).toEqual([]);
      for (const { pid } of children) expect(found).toContain(`${pid}`);
      expect(found).toEqual([...new Set(found)].toSorted((a, b) => Number(a) - Number(b)));
      const listed = new Set(readdirSync('/proc'));
      const wrong = found.filter((pid) => !listed.has(pid) && existsSync(`/proc/${pid}`));
      expect(wrong).toEqual([]);
      await thread?.terminate();
    }
    expect(host.listings).toBeGreaterThan(1);
  });

  test('is not listed anew while few are born, and is now and then', async () => {
    const host = new Machine();
    for (let round = 0; round < 32; round++) await read(host);
    // More may be born beside this than are looked at one by one.
    expect(host.listings).toBeGreaterThanOrEqual(2);
    expect(host.listings).toBeLessThan(20);
  });

  test('loses one that was found gone', async () => {
    const host = new Machine();
    const child = await asleep();
    const pid = `${child.pid}`;
    expect(await read(host)).toContain(pid);
    child.kill('SIGKILL');
    await once(child, 'exit');
    isGone(host, pid);
    expect(await read(host)).not.toContain(pid);
  });
});

test('of another machine is listed at each sample', async () => {
  const { host } = hostOf({
    'proc/7/stat': '7 (a) S',
    'proc/100/stat': '100 (b) S',
    'proc/20/stat': '20 (c) S',
    'proc/loadavg': '0 0 0 1/1 7',
  });
  expect(await read(host)).toEqual(['7', '20', '100']);
  isGone(host, '20');
  expect(await read(host)).toEqual(['7', '20', '100']);
});
