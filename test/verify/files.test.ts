/** `tidegate verify FILE`: what a file sink left, whole and broken, as the command judges it. */
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { FileSink } from '../../sinks/file.ts';
import { TideEvent } from '../../src/event.ts';
import { options as fileOptions } from '../../src/file/options.ts';
import { hasTerminal, onTerminal, start, tidegate, until } from '../cli/process-support.ts';
import { sent } from '../consumer/messages.ts';
import { eventOf, source } from '../events.ts';
import { temporaryFolder } from '../temporary.ts';
import { range, verifyJson } from './support.ts';

const folder = temporaryFolder();
let files = 0;
const fresh = (name = 'events.ndjson'): string => {
  const path = join(folder, `f${++files}-${name}`);
  return path;
};
const line = (n: number): string => `${sent(n).body.toString()}\n`;
const lines = (...numbers: number[]): string => numbers.map(line).join('');
const values = (...numbers: number[]): Buffer => Buffer.concat(numbers.map((n) => sent(n, { format: 'msgpack' }).body));
function written(content: string | Buffer, name?: string): string {
  const path = fresh(name);
  writeFileSync(path, content);
  return path;
}

describe('what the file sink wrote', () => {
  it.each(['ndjson', 'msgpack'] as const)('over several files and compressed, %s, is one stream', async (format) => {
    const path = fresh(`sink.${format}`);
    const sink = new FileSink(
      { name: 'archive', warn: () => {} } as unknown as ConstructorParameters<typeof FileSink>[0],
      fileOptions.parse({ path, format, rotate: { max_bytes: '4KiB', keep: 100 } }),
    );
    const signal = new AbortController().signal;
    await sink.connect(signal);
    for (let n = 1; n <= 200; n += 10) {
      await sink.write(
        range(n, n + 9).map((k) => new TideEvent(source, k, k, eventOf(k).table)),
        signal,
      );
    }
    await sink.close();
    const old = readdirSync(folder).filter((name) => path.endsWith(`.${format}`) && name.startsWith(`f${files}-sink-`));
    expect(old.length).toBeGreaterThan(2);
    expect(await verifyJson([path])).toMatchObject({
      code: 0,
      verdict: 'complete',
      events: 200,
      streams: [{ sensor: 'sensor' }],
    });
    // The shell's own glob names them in the same order.
    const glob = await verifyJson([join(folder, `f${files}-sink*`)]);
    expect(glob).toMatchObject({ code: 0, verdict: 'complete', events: 200 });
    rmSync(path);
    expect(await verifyJson([path])).toMatchObject({ verdict: 'complete' });
  });
});

describe('what is missing', () => {
  it('from a file that selects is no fault; from one that takes everything it is', async () => {
    const path = written(lines(3, 4, 6, 7, 10));
    const selected = await verifyJson([path]);
    expect(selected).toMatchObject({ code: 0, verdict: 'partial', totals: { unexplained: 3 }, streams: [{ before: 2 }] });
    const complete = await verifyJson([path, '--complete']);
    expect(complete).toMatchObject({ code: 1, verdict: 'faulty', totals: { unexplained: 5 } });
  });

  it('repeats and disorder are told apart', async () => {
    expect(await verifyJson([written(lines(1, 2, 2, 4, 3))])).toMatchObject({
      code: 1,
      repeats: 1,
      totals: { arrived: 4, disorder: 1, unexplained: 0 },
    });
  });
});

describe('what is broken', () => {
  it('a line that is no event is shown with its place, and the rest is judged', async () => {
    const path = written(`${lines(1)}{"v":1,"half\n${lines(2)}\0\0\0\n${lines(3)}`);
    const { code, out } = await tidegate(['verify', path]);
    expect(code).toBe(1);
    expect(out).toContain(`cannot be read: ${path}:2: not JSON`);
    expect(out).toContain(`cannot be read: ${path}:4: `);
    expect(out).toContain('3 events, 0 repeats, 2 unreadable\n');
    expect(out).toContain('2 messages cannot be read.');
  });

  it('a file that ends in the middle of an event is being written', async () => {
    for (const content of [lines(1, 2, 3), values(1, 2, 3)]) {
      const cut = written(content.slice(0, -20));
      const found = await verifyJson([cut]);
      expect(found).toMatchObject({
        code: 0,
        verdict: 'complete',
        events: 2,
        remarks: [expect.stringContaining('middle of an event')],
      });
    }
    // Only the newline is missing.
    expect(await verifyJson([written(lines(1, 2, 3).slice(0, -1))])).toMatchObject({ code: 0, events: 3, remarks: [] });
  });

  it('MessagePack with holes in it is read on at the next event', async () => {
    const [garbage, zeros] = [Buffer.from('not an event at all, and longer than its beginning'), Buffer.alloc(300_000)];
    const path = written(Buffer.concat([values(1), garbage, values(2, 3), zeros, values(4).subarray(0, 40), values(5)]));
    expect(await verifyJson([path])).toMatchObject({
      code: 1,
      events: 4,
      broken: { count: 3 },
      totals: { arrived: 4, unexplained: 1 },
    });
  });

  it('a compressed file that is cut is not whole', async () => {
    const packed = gzipSync(lines(...range(1, 500)));
    const path = written(packed.subarray(0, packed.length - 30), 'cut.ndjson.gz');
    const found = await verifyJson([path]);
    expect(found).toMatchObject({ code: 1, verdict: 'unfinished', remarks: [expect.stringContaining('to its end')] });
  });

  it('a control character in what arrived reaches no terminal', async () => {
    const evil = line(1).replaceAll('edge-7', 'e\\u001b[31m');
    const { out } = await tidegate(['verify', written(evil)]);
    expect(out).not.toContain('\u001b');
    expect(out).toContain('e\ufffd[31m');
  });
});

describe('mistakes', () => {
  it.each<[string[], number, string]>([
    [[], 64, 'source'],
    [[join(folder, 'nothing.ndjson')], 66, 'there is no file'],
    [[join(folder, 'no*.ndjson')], 66, 'no file matches'],
    [[folder], 66, 'is a folder: name the files in it'],
    [['http://127.0.0.1/x'], 64, 'there is: kafka://, amqp://'],
    [['kafka://127.0.0.1'], 64, 'names no topic'],
    [['kafka://me:secret@127.0.0.1/t'], 64, 'given with --username'],
    [['kafka://[::1]:9092/t'], 64, 'IPv6'],
    [['kafka://127.0.0.1/t', 'events.ndjson'], 64, 'verify it alone'],
    [['amqp://me:secret@127.0.0.1'], 64, 'names no queue'],
    [['amqp://me@127.0.0.1?queue=q'], 64, 'there is no password for me'],
    [['amqp://127.0.0.1/?q=x&queue=y'], 64, 'queue=NAME'],
    [['events.ndjson', '--since', '1h'], 64, '--since is for kafka only'],
    [['kafka://127.0.0.1/t', '--drain'], 64, '--drain is for amqp only'],
    [['kafka://127.0.0.1/t', '--complete'], 64, '--complete is for files only'],
    [['kafka://127.0.0.1/t', '--since', 'yesterday'], 64, 'expected a duration such as 2h'],
    [['kafka://127.0.0.1/t', '--username', 'me'], 64, 'give both'],
    [['kafka://127.0.0.1/t', '--username', 'me', '--password-file', '/nonexistent/p'], 69, '/nonexistent/p'],
  ])('%j', async (args, code, says) => {
    const ended = await tidegate(['verify', ...args]);
    expect({ code: ended.code, out: ended.out }).toEqual({ code, out: '' });
    expect(ended.err).toContain(says);
    expect(ended.err).not.toContain('secret');
    expect(ended.err).not.toContain('    at ');
  });

  it('a file without events proves nothing', async () => {
    expect(await verifyJson([written('')])).toMatchObject({ code: 66, verdict: 'empty' });
  });
});

describe(hasTerminal ? 'on a terminal' : 'on a terminal (not here: script of util-linux is missing)', () => {
  it.runIf(hasTerminal)('shows how far it is, and on Ctrl-C judges what it has read', async () => {
    const packed = gzipSync(Buffer.alloc(300 * 2 ** 20, line(1)), { level: 1 });
    const path = written(packed, 'long.ndjson.gz');
    const started = start(['verify', path], { through: onTerminal });
    await until('showed progress', () => Buffer.concat(started.written.out).includes('messages read, '), started);
    // The terminal is lent by another process, whose child the command is.
    const { pid } = started.child;
    process.kill(Number(readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim()), 'SIGINT');
    const { out } = await started.ended;
    expect(out).toContain('It was stopped before the end');
    expect(out).toContain('not all of it could be read');
    // The line of progress is taken away before the table is shown.
    expect(out).toContain('\r\u001b[K\u001b[1mfile ');
  });
});

it('the wire samples of every release are read', async () => {
  for (const name of ['v1.json', 'v1.msgpack']) {
    const content = readFileSync(join(import.meta.dirname, '../../fixtures/wire', name));
    expect((await verifyJson([written(content, name)])).events).toBeGreaterThan(0);
  }
});
