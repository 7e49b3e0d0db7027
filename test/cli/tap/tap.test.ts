/** `tidegate tap` as a process, against a service that tells events, misses some, goes away and comes back. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { decodeJson } from '../../../src/consumer.ts';
import { temporaryFolder } from '../../temporary.ts';
import { closeStub, eventText, message, socketIn, stub } from '../live-support.ts';
import { type Started, start, tidegate, until } from '../process-support.ts';

let folders = 0;
const folder = temporaryFolder();
const newState = (): string => {
  const state = join(folder, String(folders++));
  mkdirSync(state);
  return state;
};
const outOf = ({ written }: Started): string => Buffer.concat(written.out).toString('utf8');

describe('tidegate tap', () => {
  it('prints a line an event, and ends after so many', async () => {
    const state = newState();
    await stub(socketIn(state), {
      events: (response) => response.write([1, 2, 3].map((n) => message('event', eventText(n))).join('')),
    });
    const { code, out, err } = await tidegate(['--state', state, 'tap', '--count', '2'], { env: { TZ: 'UTC' } });
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toBe('03:04:05.250 system.disk disk  sda: io 1.0 KiB\n03:04:05.500 system.disk disk  sda: io 2.0 KiB\n');
  });

  it('prints rows below each other, or the JSON as it came, whatever pieces it comes in', async () => {
    const state = newState();
    const text = message('event', eventText(7));
    await stub(socketIn(state), {
      events: (response) => {
        for (const byte of Buffer.from(text)) response.write(Buffer.from([byte]));
      },
    });
    const json = await tidegate(['--state', state, 'tap', '--count', '1', '--format', 'json']);
    expect(decodeJson(json.out)).toEqual(decodeJson(eventText(7)));
    const table = await tidegate(['--state', state, 'tap', '--count', '1', '--format', 'table'], { env: { TZ: 'UTC' } });
    expect(table.out).toBe('03:04:06.750 system.disk  disk\n  system.device       io\n  sda            7.0 KiB\n');
  });

  it('asks for what is wanted', async () => {
    const state = newState();
    let asked = '';
    await stub(socketIn(state), {
      events: (response, { url = '' }) => {
        asked = url;
        response.write(message('event', eventText(1)));
      },
    });
    await tidegate(['--state', state, 'tap', 'system.*', '!system.cpu', '--sensor', 'disk', '--rate', '5', '--count', '1']);
    expect([...new URL(asked, 'http://stub').searchParams]).toEqual([
      ['match', 'system.*'],
      ['match', '!system.cpu'],
      ['sensor', 'disk'],
      ['rate', '5'],
      ['limit', '1'],
    ]);
  });

  it('obeys nothing that an event says', async () => {
    const state = newState();
    const device = '\u001b[2J\u202e漢\n';
    await stub(socketIn(state), {
      events: (response) => response.write(message('event', eventText(1, { device, sensor: '\u0007' }))),
    });
    for (const format of ['line', 'table']) {
      const { out } = await tidegate(['--state', state, 'tap', '--count', '1', '-f', format], { env: { LANG: 'C.UTF-8' } });
      expect(out).toContain('\\u{1b}[2J\\u{202e}漢\\u{a}');
      expect(out).not.toMatch(/[\p{Cc}--\n]|\u202e/v);
    }
  });

  it('says on standard error what was left out, and what cannot be read', async () => {
    const state = newState();
    await stub(socketIn(state), {
      events: (response) =>
        response.write(message('missed', '{"events": 12}') + message('event', '{"v": 1}') + message('event', eventText(1))),
    });
    const { code, out, err } = await tidegate(['--state', state, 'tap', '--count', '1']);
    expect(code).toBe(0);
    expect(out.split('\n')).toHaveLength(2);
    expect(err).toMatch(
      /^an event cannot be read: not an event of format 1.*\n12 events are left out: more came than was taken\n$/,
    );
  });

  it('waits for a service that goes away, and goes on; Ctrl-C ends it', async () => {
    const state = newState();
    const events = (n: number) => ({
      events: (response: { write(text: string): void }) => response.write(message('event', eventText(n))),
    });
    const { server } = await stub(socketIn(state), events(1));
    const tap = start(['--state', state, 'tap', '--format', 'json']);
    await until('printed one', () => outOf(tap).includes('/disk/1"'), tap);
    await closeStub(server);
    await until('said so', () => tap.written.err.includes('the service does not answer'), tap);
    await stub(socketIn(state), events(2));
    await until('went on', () => outOf(tap).includes('/disk/2"'), tap);
    tap.child.kill('SIGINT');
    const { code, err } = await tap.ended;
    expect(code).toBe(130);
    expect(err).toMatch(
      /^the service does not answer: .*\nthe service answers again, after \d+ s; what went by meanwhile is not shown\n$/,
    );
  });

  it('ends when nobody reads any more', async () => {
    const state = newState();
    await stub(socketIn(state), {
      events(response) {
        let n = 0;
        const timer = setInterval(() => response.write(message('event', eventText(++n))), 20);
        response.on('close', () => clearInterval(timer));
      },
    });
    const tap = start(['--state', state, 'tap']);
    await until('printed', () => tap.written.out.length > 0, tap);
    tap.child.stdout?.destroy();
    expect(await tap.ended).toMatchObject({ code: 0, err: '' });
  });

  it.each([
    [['--count', 'x'], 64, '--count x: expected a whole number from 1 on'],
    [['--rate', '0'], 64, '--rate 0: expected'],
    [['--rows', '-1'], 64, '--rows -1: expected'],
    [['--format', 'xml'], 64, "argument 'xml' is invalid"],
    [[], 69, 'start one with tidegate run'],
  ])('says what is wrong: %j', async (args, code, sentence) => {
    const ended = await tidegate(['--state', newState(), 'tap', ...args]);
    expect(ended).toMatchObject({ code, out: '', err: expect.stringContaining(sentence) });
    expect(ended.err).not.toMatch(/\n\s+at /);
  });
});
