/** A tool that runs for as long as the service, whatever it does wrong. Processes are real, time is the test's. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import type { Reader } from '../../src/tool/stream.ts';
import { ToolStream } from '../../src/tool/stream.ts';
import { FakeClock } from '../clock.ts';
import { eventually, lives, type StandIn, standInTool } from './stand-in.ts';

/** Reads lines; `broken` is what it cannot read. */
class Lines implements Reader {
  readonly lines: string[] = [];
  starts = 0;
  #rest = '';

  start(): void {
    this.starts++;
    this.#rest = '';
  }

  feed(text: string): boolean {
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop() ?? '';
    if (this.#rest.length > 1000 || lines.includes('broken')) throw new Error('wrote a line without an end');
    this.lines.push(...lines.filter((line) => line.startsWith('row')));
    return lines.some((line) => line.startsWith('row'));
  }
}

const streams: ToolStream[] = [];
afterEach(() => {
  for (const stream of streams.splice(0)) stream.stop();
});

function start(script: string, silenceMs = 1000): { tool: StandIn; clock: FakeClock; reader: Lines; stream: ToolStream } {
  const [tool, clock, reader] = [standInTool('tool', script), new FakeClock(), new Lines()];
  const stream = new ToolStream({ command: [tool.path], reader, silenceMs, clock });
  streams.push(stream);
  return { tool, clock, reader, stream };
}

/** Lets time go by in steps, with a moment for real processes in each. */
async function pass(clock: FakeClock, ms: number, step: number): Promise<void> {
  for (let t = 0; t < ms; t += step) {
    await clock.advance(step);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

describe('a tool that works', () => {
  test('gives readings, and ends with the stream', async () => {
    const { tool, reader, stream } = start('echo row 1; sleep 1000');
    expect(await stream.first).toBeUndefined();
    expect(reader.lines).toEqual(['row 1']);
    expect(stream.fault).toBeUndefined();
    stream.stop();
    await eventually(() => !lives(tool.pids()[0] as number), 'the end of the tool');
  });

  test('sees no variable that is not for it', async () => {
    process.env['TIDEGATE_TEST_SECRET'] = 'hunter2';
    const { reader, stream } = start('echo "row ${TIDEGATE_TEST_SECRET:-none} $LC_ALL"; sleep 1000');
    await stream.first;
    delete process.env['TIDEGATE_TEST_SECRET'];
    expect(reader.lines).toEqual(['row none C']);
  });
});

describe('a tool that hangs', () => {
  test.each([
    ['from the start', 'sleep 1000 & note $!; wait'],
    ['in the middle of a line', 'printf "ro"; sleep 1000 & note $!; wait'],
  ])('%s is killed with all that it started, and another is started later', async (_, script) => {
    const { tool, clock, stream } = start(script);
    await eventually(() => tool.pids().length === 2, 'the start');
    await clock.advance(1000);
    expect(await stream.first).toBe('tool gave no reading for 1 s, and was killed');
    await eventually(() => tool.pids().every((pid) => !lives(pid)), 'the end of both');
    await eventually(() => clock.timers > 0, 'the pause');
    await clock.advance(300);
    await clock.advance(1000);
    await eventually(() => tool.pids().length === 4, 'the next start');
  });

  test('after a reading is killed too, and the reading of the next one makes all well again', async () => {
    const { tool, clock, reader, stream } = start('echo row; sleep 1000');
    await stream.first;
    await clock.advance(1000);
    await clock.advance(1);
    expect(stream.fault).toContain('gave no reading');
    await eventually(() => !lives(tool.pids()[0] as number), 'its end');
    await eventually(() => clock.timers > 0, 'the pause');
    await clock.advance(1300);
    await eventually(() => reader.lines.length === 2, 'the second reading');
    expect(stream.fault).toBeUndefined();
  });
});

test('a first reading may take longer than those after it', async () => {
  const [tool, clock, reader] = [
    standInTool('tool', 'while [ ! -e "$FOLDER/go" ]; do sleep 0.01; done; echo row; sleep 1000'),
    new FakeClock(),
    new Lines(),
  ];
  const stream = new ToolStream({ command: [tool.path], reader, silenceMs: 1000, firstMs: 5000, clock });
  streams.push(stream);
  await eventually(() => tool.pids().length === 1, 'the start');
  await clock.advance(4999);
  expect(stream.fault).toBeUndefined();
  writeFileSync(join(tool.folder, 'go'), '');
  expect(await stream.first).toBeUndefined();
  await clock.advance(999);
  expect(stream.fault).toBeUndefined();
  await clock.advance(1);
  expect(stream.fault).toBe('tool gave no reading for 1 s, and was killed');
});

describe('a tool that', () => {
  test('ends at once, for ever, is started less and less often, and says why', async () => {
    const { clock, tool, stream } = start('echo "no devices were found"; exit 9');
    expect(await Promise.race([stream.first, pass(clock, 1000, 100).then(() => stream.first)])).toBe(
      'tool ended with code 9: "no devices were found"',
    );
    // An hour in steps of 5 s: 1, 2, 4 … 256 s, then every 5 minutes.
    await pass(clock, 3_600_000, 5000);
    expect(tool.pids().length).toBeGreaterThan(5);
    expect(tool.pids().length).toBeLessThan(25);
  });

  test('prints 100 MB without an end of a line is killed long before', async () => {
    const { tool, stream } = start('head -c 100000000 /dev/zero | tr "\\0" x; touch "$FOLDER/all"; sleep 1000');
    expect(await stream.first).toBe('tool wrote a line without an end, and was killed');
    await eventually(() => !lives(tool.pids()[0] as number), 'its end');
  });

  test('prints 100 MB of lines that mean nothing is killed', async () => {
    const { stream } = start('yes nothing | head -c 100000000; sleep 1000');
    expect(await stream.first).toBe('tool wrote more than 33554432 bytes in 1 s, and was killed');
  });

  test('prints half a line and ends leaves no half of a reading to the next', async () => {
    const { clock, reader, tool, stream } = start(
      'if [ -e "$FOLDER/again" ]; then echo " row"; echo row; sleep 1000; fi; touch "$FOLDER/again"; printf row',
    );
    const first = stream.first;
    await eventually(() => tool.pids().every((pid) => !lives(pid)) && tool.pids().length === 1, 'its end');
    await eventually(() => clock.timers > 0, 'the pause');
    await pass(clock, 1500, 100);
    expect(await first).toContain('ended with code 0: "row"');
    await eventually(() => reader.lines.length > 0, 'the second');
    expect(reader.lines).toEqual(['row']);
  });

  test('is not there is said, and costs nothing', async () => {
    const clock = new FakeClock();
    const stream = new ToolStream({ command: ['/nowhere/tool'], reader: new Lines(), silenceMs: 1000, clock });
    streams.push(stream);
    expect(await stream.first).toMatch(/^tool cannot be started: .*ENOENT/);
  });
});
