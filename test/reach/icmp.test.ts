/** ICMP by the command: what its words mean, and what a command may do. */
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { askPing, type PingOutput, roundTrip } from '../../src/reach/icmp.ts';
import { PingFailure } from '../../src/reach/ping.ts';
import { REPOSITORY } from '../support.ts';
import { temporaryFolder } from '../temporary.ts';

interface Case extends PingOutput {
  readonly name: string;
  readonly host: string;
  readonly expected: { readonly seconds?: number; readonly kind?: string };
}

const CASES = JSON.parse(readFileSync(join(REPOSITORY, 'fixtures/node/ping/outputs.json'), 'utf8')) as Case[];
const signal = new AbortController().signal;

describe('what a command said', () => {
  test.each(CASES.map((one) => [one.name, one] as const))('%s', (_name, { host, expected, ...output }) => {
    let got: Case['expected'];
    try {
      got = { seconds: roundTrip(host, output) };
    } catch (error) {
      expect(error).toBeInstanceOf(PingFailure);
      got = { kind: (error as PingFailure).kind };
    }
    if (expected.seconds === undefined) expect(got).toEqual(expected);
    else expect(got.seconds).toBeCloseTo(expected.seconds, 9);
  });
});

describe('a command', () => {
  const folder = temporaryFolder();
  const script = (name: string, text: string): readonly [string, string] => {
    const path = join(folder, name);
    writeFileSync(path, `#!/bin/sh\n${text}\n`);
    chmodSync(path, 0o755);
    return ['/bin/sh', path];
  };

  test('gets the host last, and its answer is taken', async () => {
    const command = script('good', 'echo "64 bytes from $1: icmp_seq=1 ttl=64 time=1.5 ms"');
    expect(await askPing('10.0.0.1', command, signal)).toBe(0.0015);
  });

  test('that is not there is unavailable, with what to do', async () => {
    const asked = askPing('10.0.0.1', [join(folder, 'none')], signal);
    await expect(asked).rejects.toMatchObject({ kind: 'unavailable', message: expect.stringContaining('install it') as string });
  });

  test('that hangs is killed when it is given up', async () => {
    const controller = new AbortController();
    const pidFile = join(folder, 'pid');
    const asked = askPing('10.0.0.1', script('hangs', `echo $$ > ${pidFile}; exec sleep 1000`), controller.signal);
    const outcome = expect(asked).rejects.toThrow('enough');
    let pid = 0;
    while (!pid) {
      await new Promise((resolve) => setTimeout(resolve, 5));
      try {
        pid = Number(readFileSync(pidFile, 'utf8'));
      } catch {
        // It has not begun yet.
      }
    }
    controller.abort(new Error('enough'));
    await outcome;
    // The process is gone, or a corpse that its parent has not yet buried.
    for (let alive = true; alive; ) {
      await new Promise((resolve) => setTimeout(resolve, 5));
      try {
        process.kill(pid, 0);
      } catch {
        alive = false;
      }
    }
  });
});
