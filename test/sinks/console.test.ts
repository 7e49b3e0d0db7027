import { execFileSync } from 'node:child_process';
import { closeSync, constants, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { describe, expect, it, vi } from 'vitest';
import consoleSink, { ConsoleSink } from '../../sinks/console.ts';
import { decodeJson } from '../../src/codec/decode.ts';
import type { SinkError } from '../../src/errors.ts';
import { counter, defineSchema, gauge, TideEvent } from '../../src/event.ts';
import { DescriptorStream } from '../../src/output.ts';
import type { SinkContext } from '../../src/sink.ts';
import { quantity } from '../../src/words.ts';
import { type Stall, sinkConformance } from '../sink-conformance.ts';
import { decoded, diskEvent, diskEvents, oddEvent, patient, source } from '../sink-events.ts';
import { temporaryFolder } from '../temporary.ts';

/** A stream that keeps what it is given, and takes it only while it is not stalled. */
class Screen extends Writable {
  readonly isTTY: boolean;
  columns: number | undefined;
  text = '';
  failure: Error | undefined;
  #stalled: (() => void) | undefined;
  #resume: (() => void) | undefined;

  constructor(isTTY = false, columns?: number) {
    super({ highWaterMark: 16 });
    this.isTTY = isTTY;
    this.columns = columns;
  }

  stall(): Stall {
    const reached = Promise.withResolvers<void>();
    this.#stalled = reached.resolve;
    const release = (): void => {
      this.#stalled = undefined;
      this.#resume?.();
    };
    return { reached: reached.promise, release };
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error) => void): void {
    const take = (): void => {
      if (this.failure) return done(this.failure);
      this.text += chunk.toString();
      done();
    };
    if (!this.#stalled) return take();
    this.#resume = take;
    this.#stalled();
  }
}

function contextOf(warnings: string[] = []): SinkContext {
  return { name: 'screen', stateDir: '/nowhere', warn: (message) => warnings.push(message) };
}

const parse = (options: unknown = {}) => consoleSink.options.parse(options);

function sinkTo(screen: Writable, options: unknown = {}, env: NodeJS.ProcessEnv = {}, warnings: string[] = []): ConsoleSink {
  return new ConsoleSink(contextOf(warnings), parse(options), { open: () => screen, env });
}

/** What is printed for these events. */
async function printed(screen: Screen, events: TideEvent[], options: unknown = {}, env: NodeJS.ProcessEnv = {}): Promise<string> {
  const sink = sinkTo(screen, options, env);
  await sink.connect(patient());
  await sink.write(events, patient());
  await sink.close();
  return screen.text;
}

const codeOf = async (promise: Promise<void>): Promise<[string, string]> => {
  const error = (await promise.catch((reason: unknown) => reason)) as SinkError;
  return [error.code, error.message];
};

const epipe = (): Error => Object.assign(new Error('write EPIPE'), { code: 'EPIPE' });

sinkConformance(
  'console',
  () => {
    const screen = new Screen();
    return {
      open: () => sinkTo(screen),
      received: async () =>
        screen.text
          .split('\n')
          .slice(0, -1)
          .map((line) => decodeJson(line)),
      stall: () => screen.stall(),
    };
  },
  { undoes: false },
);

describe('console: the form', () => {
  it('is NDJSON where nobody looks, and tables on a terminal', async () => {
    expect((await printed(new Screen(false), diskEvents(1))).startsWith('{"v":1,')).toBe(true);
    expect(await printed(new Screen(true), diskEvents(1))).toContain('system.disk');
    expect((await printed(new Screen(true), diskEvents(1), { format: 'ndjson' })).startsWith('{"v":1,')).toBe(true);
    expect(await printed(new Screen(false), diskEvents(1), { format: 'pretty' })).toMatch(
      /^\d\d:\d\d:\d\d\.000 system\.disk {2}disk\n/,
    );
  });

  it('colours a terminal only, and not with NO_COLOR or a terminal that cannot', async () => {
    const coloured = async (terminal: boolean, env: NodeJS.ProcessEnv): Promise<boolean> =>
      (await printed(new Screen(terminal), diskEvents(1), { format: 'pretty' }, env)).includes('\x1b[');
    expect(await coloured(true, {})).toBe(true);
    expect(await coloured(true, { NO_COLOR: '' })).toBe(true);
    expect(await coloured(true, { NO_COLOR: '1' })).toBe(false);
    expect(await coloured(true, { TERM: 'dumb' })).toBe(false);
    expect(await coloured(false, {})).toBe(false);
  });

  it('aligns columns, with values in the units that people read', async () => {
    const text = await printed(new Screen(), [diskEvent(20, 3)], { format: 'pretty' });
    expect(text.split('\n').slice(1)).toEqual([
      '  system.device  disk.io.direction        io  operations  operation_time',
      '  sd0            read               80.0 KiB          20           2.5 s',
      '  sd1            write              80.0 KiB          20           2.5 s',
      '  sd2            read               80.0 KiB          20           2.5 s',
      '',
    ]);
  });

  it('cuts a table at max_rows and a line at the width of the terminal', async () => {
    const text = await printed(new Screen(false, 30), [diskEvent(1, 50)], { format: 'pretty', max_rows: 2 });
    const lines = text.split('\n');
    expect(lines).toHaveLength(6);
    expect(lines[4]).toBe('  … and 48 rows more');
    expect(lines[1]).toBe('  system.device  disk.io.direc…'.slice(0, 29) + '…');
    expect(Math.max(...lines.map((line) => line.length))).toBe(30);
  });

  it('says that a table has no rows, and prints one row without attributes in one line', async () => {
    expect(await printed(new Screen(), [diskEvent(1, 0)], { format: 'pretty' })).toMatch(/\n {2}no rows\n$/);
    const load = defineSchema({
      type: 'system.load',
      doc: '',
      attributes: [],
      fields: { '1m': gauge('{thread}', ''), idle_time: counter('s', ''), gone: gauge('1', '') },
    });
    const table = load.table().add([], { '1m': 0.25, idle_time: 90_061, gone: undefined }).seal();
    expect(await printed(new Screen(), [new TideEvent(source, 1, 0, table)], { format: 'pretty' })).toMatch(
      / system\.load {2}1m 0\.25 {2}idle_time 1d 1h {2}gone -\n$/,
    );
  });

  it('obeys no control character in a cell', async () => {
    const text = await printed(new Screen(true), [oddEvent(1)], {}, { NO_COLOR: '1' });
    expect(text.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\u2028\u202e]/u);
    expect(text).toContain('line\\u{a}feed\\u{d}\\u{0}\\u{2028}');
  });

  it.each([
    [512, 'By', 'io', '512 B'],
    [-2048, 'By', 'io', '-2.0 KiB'],
    [3 * 2 ** 60, 'By', 'io', '3072.0 PiB'],
    [1536, 'By/s', 'rate', '1.5 KiB/s'],
    [2.4e9, 'Hz', 'frequency', '2.4 GHz'],
    [0.1234, '1', 'utilization', '12.34 %'],
    [1, '1', 'up', '1'],
    [41.5, 'Cel', 'temperature', '41.5 °C'],
    [0, 's', 'time', '0 s'],
    [1.5e-6, 's', 'time', '1.5 µs'],
    [0.25, 's', 'time', '250 ms'],
    [119.5, 's', 'time', '119.5 s'],
    [125, 's', 'time', '2m 5s'],
    [-7260, 's', 'time', '-2h 1m'],
    [1_763_856_000.25, 's', 'timestamp', '2025-11-23T00:00:00.250Z'],
    [1_763_856_000, 's', 'since', '2025-11-23T00:00:00.000Z'],
    [Number.NaN, 'By', 'io', 'NaN'],
    [Number.NEGATIVE_INFINITY, 's', 'time', '-Inf'],
    [1 / 3, 'W', 'power', '0.333 W'],
    [1e-7, '{operation}', 'rate', '1.00e-7'],
  ])('prints %d %s of %s as %s', (value, unit, name, text) => {
    expect(quantity(value, gauge(unit, ''), name)).toBe(text);
  });
});

describe('console: the stream', () => {
  it('waits for a full stream to drain, and gives up when the signal aborts', async () => {
    const screen = new Screen();
    const sink = sinkTo(screen);
    await sink.connect(patient());
    const { release } = screen.stall();
    const first = sink.write(diskEvents(1), patient());
    const controller = new AbortController();
    const second = codeOf(sink.write(diskEvents(1, 2), controller.signal));
    controller.abort(new Error('the deadline'));
    expect(await second).toEqual(['transient', 'cannot write standard output: the deadline']);
    const third = sink.write(diskEvents(1, 3), patient());
    release();
    await Promise.all([first, third]);
    // The second was given up before the stream had room for it, so that it was never handed over.
    expect(
      screen.text
        .split('\n')
        .slice(0, -1)
        .map((line) => decodeJson(line)),
    ).toEqual(decoded([diskEvent(1), diskEvent(3)]));
    expect(screen.listenerCount('drain') + screen.listenerCount('close')).toBe(0);
  });

  it('says once that the reader has gone, and takes nothing more', async () => {
    const [screen, warnings] = [new Screen(), [] as string[]];
    const sink = sinkTo(screen, {}, {}, warnings);
    await sink.connect(patient());
    screen.failure = epipe();
    const gone = ['misconfigured', 'nobody reads standard output any more: write EPIPE'];
    expect(await codeOf(sink.write(diskEvents(1), patient()))).toEqual(gone);
    expect(await codeOf(sink.write(diskEvents(1), patient()))).toEqual(gone);
    await sink.close();
    expect(await codeOf(sink.connect(patient()))).toEqual(gone);
    expect(warnings).toEqual([gone[1]]);
    const again = sinkTo(screen);
    expect(await codeOf(again.connect(patient()))).toEqual([
      'misconfigured',
      'nobody reads standard output any more: it is closed',
    ]);
  });

  it('lets any other failure pass as transient', async () => {
    const screen = new Screen();
    const sink = sinkTo(screen);
    await sink.connect(patient());
    screen.failure = Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
    expect(await codeOf(sink.write(diskEvents(1), patient()))).toEqual([
      'transient',
      'cannot write standard output: no space left on device',
    ]);
  });

  it('survives an error that the stream reports after it is closed', async () => {
    const screen = new Screen();
    const sink = sinkTo(screen);
    await sink.connect(patient());
    await sink.close();
    screen.destroy(epipe());
    await vi.waitFor(() => expect(screen.closed).toBe(true));
  });
});

describe.skipIf(process.platform !== 'linux')('console: a descriptor that does not block (needs mkfifo of Linux)', () => {
  const folder = temporaryFolder();
  let count = 0;
  const fifo = (): { path: string; stream: DescriptorStream } => {
    const path = join(folder, `${count++}`);
    execFileSync('mkfifo', [path]);
    return { path, stream: new DescriptorStream(openSync(path, constants.O_RDWR | constants.O_NONBLOCK), true) };
  };

  it('is written whole though it takes little at a time, while the process goes on', async () => {
    const { path, stream } = fifo();
    const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const events = [diskEvent(1, 20_000)];
    const sink = sinkTo(stream);
    await sink.connect(patient());
    let done = false;
    const writing = sink.write(events, patient()).then(() => {
      done = true;
    });
    const [chunks, buffer] = [[] as Buffer[], Buffer.alloc(4096)];
    while (!done) {
      for (let n = take(reader, buffer); n > 0; n = take(reader, buffer)) chunks.push(Buffer.from(buffer.subarray(0, n)));
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    await writing;
    for (let n = take(reader, buffer); n > 0; n = take(reader, buffer)) chunks.push(Buffer.from(buffer.subarray(0, n)));
    await sink.close();
    closeSync(reader);
    expect([decodeJson(Buffer.concat(chunks).toString().trimEnd())]).toEqual(decoded(events));
  });

  it.each(['at once', 'while it waits to try again'])(
    'can be closed %s though it takes nothing; the write fails',
    async (when) => {
      const { stream } = fifo();
      const sink = sinkTo(stream);
      await sink.connect(patient());
      const writing = codeOf(sink.write([diskEvent(1, 20_000)], patient()));
      // Longer than the pipe takes to fill. Whichever comes first, the write must fail.
      if (when !== 'at once') await new Promise((resolve) => setTimeout(resolve, 20));
      await sink.close();
      expect((await writing)[0]).toBe('transient');
      await vi.waitFor(() => expect(stream.closed).toBe(true));
    },
  );
});

/** Bytes that are there now. */
function take(fd: number, buffer: Buffer): number {
  try {
    return readSync(fd, buffer);
  } catch {
    return 0;
  }
}
