/** `tidegate top` as a process: on a terminal that is resized, killed and left, and in a pipe, against a service that comes and goes. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { StatusView } from '../../../src/http/view.ts';
import { temporaryFolder } from '../../temporary.ts';
import { closeStub, sensorOf, socketIn, statusOf, stub, troubledStatus } from '../live-support.ts';
import { start, tidegate, until } from '../process-support.ts';
import { hasSizedTerminal, type OnScreen, seen, startOnScreen } from '../terminal-support.ts';

let folders = 0;
const folder = temporaryFolder();
const newState = (): string => {
  const state = join(folder, String(folders++));
  mkdirSync(state);
  return state;
};
const ESCAPE = '\u001b';

describe.runIf(hasSizedTerminal)('on a terminal (python3 lends one)', () => {
  /** A service and its view at this size. */
  async function watching(
    size: readonly [number, number],
    status: () => StatusView | undefined = () => statusOf(),
    ...args: string[]
  ) {
    const state = newState();
    const { server } = await stub(socketIn(state), { status });
    const screen = startOnScreen(['--state', state, 'top', '--interval', '100ms', ...args], size);
    await seen('showed sinks', screen, (lines) => lines.some((line) => line.startsWith('sink ')));
    return { screen, state, server };
  }
  /** That the terminal is as it was. */
  async function expectGivenBack(screen: OnScreen): Promise<void> {
    const { err } = await screen.ended;
    expect(err).toBe('cooked\n');
    expect(await screen.taken()).toBe(false);
  }

  it('shows everything within 80x24, and gives the terminal back at q', async () => {
    const { screen } = await watching([80, 24], troubledStatus);
    const lines = await screen.lines();
    expect(lines[0]).toMatch(/^The broker at 127\.0\.0\.1:9092 is away since/);
    expect(lines.at(-1)).toMatch(/^\d\d:\d\d:\d\d UTC {2}q quits/);
    expect(await screen.taken()).toBe(true);
    screen.type('q');
    await expectGivenBack(screen);
    expect(await screen.ended).toMatchObject({ code: 0, signal: null });
  });

  it('follows the size of the terminal', async () => {
    const { screen } = await watching([80, 24]);
    screen.resize(132, 30);
    await seen('used the width', screen, (lines) => lines.some((line) => line.includes('to, or why not')));
    await seen('used the height', screen, (lines) => lines.length === 30 && /UTC/.test(lines[29] ?? ''));
    screen.resize(30, 8);
    await seen('shrank', screen, (lines) => lines.length === 8 && lines[0] === 'all is well' && /UTC/.test(lines[7] ?? ''));
    screen.type('\u0003');
    await expectGivenBack(screen);
  });

  it('does what keys say: view, sort, pause, scroll', async () => {
    let samples = 0;
    const sensors = Array.from({ length: 30 }, (_, i) => sensorOf(`s${String(i).padStart(2, '0')}`, { duration: 30 - i }));
    const status = (): StatusView => statusOf({ sensors: sensors.map((sensor) => ({ ...sensor, samples: ++samples })) });
    const { screen } = await watching([80, 24], status);
    screen.type('\t\t');
    await seen('showed sensors alone', screen, (lines) => lines[3]?.startsWith('sensor ') === true);
    screen.type('ss');
    await seen('sorted', screen, (lines) => lines.some((line) => line.includes('now by busy')));
    screen.type('\u001b[B\u001b[B');
    await seen('scrolled', screen, (lines) => lines[4]?.startsWith('s02 ') === true);
    screen.type('p');
    const rows = (lines: readonly string[]): readonly string[] => lines.slice(4, 22);
    const still = await seen('stood still', screen, (lines) => lines.at(-1)?.startsWith('stands still') === true);
    // It draws what keys say all the same.
    for (const sort of ['behind', 'trouble', 'name', 'busy']) {
      screen.type('s');
      await seen('sorted', screen, (lines) => lines.some((line) => line.includes(`now by ${sort}`)));
    }
    screen.type('\u001b[B\u001b[B');
    const later = await seen('scrolled', screen, (lines) => lines[4]?.startsWith('s02 ') === true);
    expect(rows(later)).toEqual(rows(still));
    screen.type('p');
    await seen('went on', screen, (lines) => rows(lines).join() !== rows(still).join());
    screen.type('q');
    await expectGivenBack(screen);
  });

  it.each(['SIGTERM', 'SIGHUP', 'SIGINT'] as const)('gives the terminal back after %s, and ends by it', async (signal) => {
    const { screen } = await watching([80, 24]);
    screen.signal(signal);
    await expectGivenBack(screen);
    expect((await screen.ended).signal).toBe(signal);
  });

  it('gives the terminal back while it is suspended, and takes it again', async () => {
    const { screen } = await watching([80, 24]);
    screen.type('\u001a');
    await seen('left', screen, (lines) => !lines.some((line) => line.startsWith('sink ')));
    expect(await screen.taken()).toBe(false);
    screen.signal('SIGCONT');
    await seen('came back', screen, (lines) => lines.some((line) => line.startsWith('sink ')));
    screen.type('q');
    await expectGivenBack(screen);
  });

  it('says since when the service is away, and goes on when it is back', async () => {
    const { screen, state, server } = await watching([80, 24]);
    await closeStub(server);
    const lines = await seen('said it', screen, ([first]) => first?.startsWith('the service does not answer since') === true);
    expect(lines.join(' ')).toMatch(/nothing listens there|is not there/);
    expect(lines.some((line) => line.startsWith('archive '))).toBe(true);
    await stub(socketIn(state), { status: troubledStatus });
    await seen('went on', screen, ([first]) => first?.startsWith('The broker') === true);
    screen.type('q');
    await expectGivenBack(screen);
  });

  it('gives the terminal back when what the service says cannot be understood, and says so there', async () => {
    let strange = false;
    const odd = { ...statusOf(), condition: 'splendid' } as unknown as StatusView;
    const { screen } = await watching([80, 24], () => (strange ? odd : statusOf()));
    strange = true;
    await expectGivenBack(screen);
    expect(await screen.ended).toMatchObject({ code: 69 });
    expect((await screen.lines()).join(' ')).toMatch(/error: the service tells its status in another form/);
  });

  it('obeys nothing that a name says', async () => {
    const name = '\u001b[2J\u001b[?1049l\u202eevil\u0007\n漢字';
    const { screen } = await watching([80, 24], () => statusOf({ sensors: [sensorOf(name)], findings: [] }));
    const lines = await screen.lines();
    expect(await screen.taken()).toBe(true);
    expect(lines.some((line) => line.startsWith('\\u{1b}[2J'))).toBe(true);
    screen.type('q');
    await screen.ended;
  });

  it('has no colours with NO_COLOR and --no-color, and some without', async () => {
    const state = newState();
    await stub(socketIn(state), { status: troubledStatus });
    const colours = async (args: string[], env: Record<string, string>): Promise<boolean> => {
      const screen = startOnScreen(['--state', state, 'top', ...args], [80, 24], { env });
      await seen('showed sinks', screen, (lines) => lines.some((line) => line.startsWith('sink ')));
      screen.type('q');
      return new RegExp(`${ESCAPE}\\[[1-9][0-9;]*m`).test((await screen.ended).out);
    };
    expect(await colours([], {})).toBe(true);
    expect(await colours([], { NO_COLOR: '1' })).toBe(false);
    expect(await colours(['--no-color'], {})).toBe(false);
  });
});

describe('in a pipe', () => {
  it('prints one snapshot a period, as text without escapes', async () => {
    const state = newState();
    await stub(socketIn(state), { status: troubledStatus });
    const { code, out, err } = await tidegate(['--state', state, 'top', '--interval', '100ms', '--count', '3']);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out.match(/^The broker at/gm)).toHaveLength(3);
    expect(out).toMatch(/^broker +waiting +1\.25k +0 +180 +41\.2k +30\.5 MB/m);
    expect(out).toMatch(/^web +sampling .* timeout after 5s$/m);
    expect(out).not.toContain(ESCAPE);
    // Without a locale that says UTF-8.
    expect(out).toMatch(/^[\x20-\x7e\n]*$/);
  });

  it('prints what the service tells as JSON, one object a line', async () => {
    const state = newState();
    await stub(socketIn(state), { status: troubledStatus });
    const { code, out } = await tidegate(['--state', state, 'top', '--once', '--format', 'json']);
    expect(code).toBe(0);
    expect(JSON.parse(out)).toEqual(troubledStatus());
    expect(out.split('\n')).toHaveLength(2);
  });

  it('says once that the service went away, and goes on when it is back', async () => {
    const state = newState();
    const { server } = await stub(socketIn(state), { status: () => statusOf() });
    const top = start(['--state', state, 'top', '--interval', '100ms', '--format', 'json']);
    await until('printed', () => top.written.out.length > 0, top);
    await closeStub(server);
    await until('said so', () => top.written.err.includes('does not answer since'), top);
    await stub(socketIn(state), { status: troubledStatus });
    await until('went on', () => Buffer.concat(top.written.out).includes('"degraded"'), top);
    top.child.kill('SIGINT');
    const { code, out, err } = await top.ended;
    expect(code).toBe(130);
    expect(err).toMatch(/^the service does not answer since .*\nthe service answers again, after .*\n$/);
    for (const line of out.split('\n').slice(0, -1)) expect(JSON.parse(line)).toHaveProperty('condition');
  });

  it('ends when nobody reads any more', async () => {
    const state = newState();
    await stub(socketIn(state), { status: () => statusOf() });
    const top = start(['--state', state, 'top', '--interval', '100ms']);
    await until('printed', () => top.written.out.length > 0, top);
    top.child.stdout?.destroy();
    expect(await top.ended).toMatchObject({ code: 0, err: '' });
  });
});

describe('another address', () => {
  it('takes the token from a file or the environment', async () => {
    const { url } = await stub(0, { status: () => statusOf(), token: 'secret-token-of-16' });
    const file = join(folder, 'token');
    writeFileSync(file, 'secret-token-of-16\n');
    const ask = ['top', '--once', '--url', url];
    expect(await tidegate([...ask, '--token-file', file])).toMatchObject({ code: 0, err: '' });
    expect(await tidegate(ask, { env: { TIDEGATE_TOKEN: 'secret-token-of-16' } })).toMatchObject({ code: 0 });
    const refused = await tidegate(ask, { env: { TIDEGATE_TOKEN: 'another-secret' } });
    expect(refused).toMatchObject({ code: 77, err: expect.stringContaining('--token-file') });
    expect(refused.err).not.toContain('another-secret');
  });

  it.each([
    [['--url', 'edge-7:8433'], 64, 'is no address: write it as http://'],
    [['--url', 'http://user:geheim@edge-7:8433'], 64, 'give the token with --token-file'],
    [['--token-file', 'x'], 64, 'is for --url only'],
    [['--url', 'http://127.0.0.1:1'], 69, 'no service answers at 127.0.0.1:1'],
    [['--url', 'https://127.0.0.1:1', '--ca', '/nonexistent'], 66, '--ca /nonexistent cannot be read'],
    [['--interval', '1y'], 64, 'expected a duration'],
    [['--count', '0'], 64, 'expected a whole number from 1 on'],
  ])('says what is wrong: %j', async (args, code, sentence) => {
    const ended = await tidegate(['--state', newState(), 'top', ...args]);
    expect(ended).toMatchObject({ code, out: '', err: expect.stringContaining(sentence) });
    expect(ended.err).not.toContain('geheim');
    expect(ended.err).not.toMatch(/\n\s+at /);
  });

  it('says what to do when no service runs, or an older one', async () => {
    const state = newState();
    const gone = await tidegate(['--state', state, 'top']);
    expect(gone).toMatchObject({ code: 69, out: '' });
    expect(gone.err).toMatch(
      /no service answers in the folder for state .*: start one with tidegate run, name its folder with --state/,
    );
    await stub(socketIn(state), {});
    const older = await tidegate(['--state', state, 'top']);
    expect(older).toMatchObject({ code: 69, err: expect.stringContaining('an older release may run') });
  });
});
