/** What `tidegate top` draws: golden at the usual sizes, and within every size, whatever things are called. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { lineText, lineWidth } from '../../../src/cli/live/line.ts';
import { signsFor } from '../../../src/cli/live/text.ts';
import { SORTS, type Sort, sortSensors, sortSinks } from '../../../src/cli/top/order.ts';
import { actionsOf } from '../../../src/cli/top/screen.ts';
import { type Choice, FIRST_CHOICE, screenful, snapshot, VIEWS } from '../../../src/cli/top/screenful.ts';
import type { StatusView } from '../../../src/http/view.ts';
import { amount, time } from '../../../src/words.ts';
import { awaySink, sensorOf, sinkOf, statusOf, troubledStatus } from '../live-support.ts';

const unicode = signsFor({ LANG: 'C.UTF-8' });
const ascii = signsFor({});
const { now } = statusOf().service;

const drawn = (status: StatusView, columns: number, rows: number, choice: Partial<Choice> = {}): string[] =>
  screenful({ status, away: undefined }, { ...FIRST_CHOICE, ...choice }, { columns, rows }, now, unicode).map((line) =>
    lineText(line, false),
  );

describe('a screenful', () => {
  it('of 80x24 with trouble', () => {
    expect(drawn(troubledStatus(), 80, 24)).toEqual([
      'The broker at 127.0.0.1:9092 is away since 03:02:05 UTC (connect ECONNREFUSED',
      '127.0.0.1:9092); next attempt in 12 s; 41,200 events (30.5 MB) are kept on disk.',
      'edge-7  up 3h 12m  in 1.26k/s, out 12.5/s, 41.4k waiting  cpu 1.2 %  88.4 MB',
      '',
      'sink     state     in/s  out/s  queued  spooled  breaker     dead  dropped',
      'broker   waiting  1.25k      0     180    41.2k  open, 12 s     4        6',
      'archive  idle      12.5   12.5       0        -  -              0        0',
      '',
      'sensor  state     every    took  failed  in a row  last  type, or what is wrong',
      'web     sampling   10 s     5 s      12         3   4 s  timeout after 5s',
      'gpu     not here   10 s       -       0         0   4 s  nvidia-smi is not there',
      'cpu     sampling   10 s  1.3 ms       0         0   4 s  cpu',
      ...Array.from({ length: 11 }, () => ''),
      '03:04:05 UTC  q quits  p pauses  s sorts, now by trouble  tab shows sinks',
    ]);
  });

  it('of a narrow and low terminal says the most important', () => {
    expect(drawn(troubledStatus(), 40, 12)).toEqual([
      'The broker at 127.0.0.1:9092 is away',
      'since 03:02:05 UTC (connect ECONNREFUSED',
      '127.0.0.1:9092); next attempt in 12 s; …',
      'edge-7  up 3h 12m',
      '',
      'sink     state     in/s  out/s  dropped',
      'broker   waiting  1.25k      0        6',
      'archive  idle      12.5   12.5        0',
      '',
      'sensor  state       took  failed',
      'web     sampling     5 s      12',
      '03:04:05 UTC  q quits  p pauses',
    ]);
  });

  it('says that all is well, in green', () => {
    const [first] = screenful({ status: statusOf(), away: undefined }, FIRST_CHOICE, { columns: 80, rows: 24 }, now, unicode);
    expect(first).toEqual([{ text: 'all is well', style: 'green' }]);
  });

  it('counts findings that do not fit', () => {
    const findings = Array.from({ length: 20 }, (_, i) => ({
      condition: 'failing' as const,
      subject: `sink s${i}`,
      text: `The sink s${i} is away.`,
    }));
    const lines = drawn(statusOf({ condition: 'failing', findings }), 80, 24);
    expect(lines.slice(6, 8)).toEqual(['The sink s6 is away.', '… and 13 more findings']);
  });

  it('shows how a backlog is emptied, and a spool that is nearly full', () => {
    const sink = awaySink('broker');
    const draining = {
      ...sink,
      state: 'sending' as const,
      breaker: { state: 'closed' as const },
      spool: { events: 1_900_000, bytes: 1.9e9, maxBytes: 2e9, ready: true },
      drain: { active: true, rate: { events: 2500, bytes: 2e6 }, peak: { events: 1300, bytes: 1e6 }, left: 760_000 },
    };
    const lines = drawn(statusOf({ sinks: [draining] }), 80, 24);
    expect(lines[3]).toMatch(/full +breaker +empty in +dead/);
    expect(lines[4]).toMatch(/1\.9M +95 % +closed +12m 40s/);
    const stuck = { ...draining, drain: { active: true, rate: { events: 1, bytes: 1 }, peak: { events: 1300, bytes: 1e6 } } };
    expect(drawn(statusOf({ sinks: [stuck] }), 80, 24)[4]).toMatch(/never/);
  });

  it('says since when the service is away, over the last it told, dimmed', () => {
    const away = { since: now - 12_000, why: 'control.sock: nothing listens there (ECONNREFUSED)' };
    const lines = screenful({ status: statusOf(), away }, FIRST_CHOICE, { columns: 80, rows: 24 }, now, unicode);
    expect(lineText(lines[0] ?? [], false)).toMatch(/^the service does not answer since 03:03:53 UTC, 12 s ago: control\.sock/);
    expect(lines.find(([first]) => first?.text.startsWith('archive'))?.every(({ style }) => style === 'dim')).toBe(true);
  });

  it('scrolls one table, and ends at its end', () => {
    const sensors = Array.from({ length: 30 }, (_, i) => sensorOf(`s${i}`));
    const view = (scroll: number): string[] => drawn(statusOf({ sensors }), 80, 24, { view: 'sensors', sort: 'name', scroll });
    expect(view(0)[4]).toMatch(/^s0 /);
    expect(view(0)[22]).toBe('… and 12 more');
    expect(view(5)[4]).toMatch(/^s13 /);
    expect(view(1000)[22]).toMatch(/^s9 /);
  });

  const hostile = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 60 }),
    fc.constantFrom(
      '\u001b[2J\u001b[?1049l',
      '漢字'.repeat(20),
      '👩‍👩‍👧‍👦',
      'z\u0301\u0302\u0303\u0304',
      '\n\r\t',
      '',
      'a'.repeat(500),
    ),
  );
  const status = fc
    .record({ names: fc.array(hostile, { maxLength: 12 }), text: hostile, problems: fc.nat(6) })
    .map(({ names, text, problems }): StatusView => {
      const { service } = statusOf();
      return statusOf({
        service: { ...service, host: text, version: text },
        findings: Array.from({ length: problems }, () => ({ condition: 'failing', subject: text, text })),
        sinks: names.map((name, i) => (i % 2 ? sinkOf(name, { destination: text }) : { ...awaySink(name), reason: text })),
        sensors: names.map((name, i) =>
          sensorOf(name, { failuresInARow: i % 3, lastError: text, ...(i % 2 && { state: 'unavailable', why: text }) }),
        ),
      });
    });
  const choice = fc.record({
    sort: fc.constantFrom(...SORTS),
    view: fc.constantFrom(...VIEWS),
    scroll: fc.nat(20),
    paused: fc.boolean(),
    keys: fc.boolean(),
  });

  it.each([
    ['UTF-8', unicode],
    ['ASCII', ascii],
  ])('is never wider or taller than the terminal: %s', (_name, signs) => {
    fc.assert(
      fc.property(
        status,
        choice,
        fc.integer({ min: 1, max: 150 }),
        fc.integer({ min: 1, max: 50 }),
        fc.boolean(),
        (told, chosen, columns, rows, gone) => {
          const away = gone ? { since: now, why: told.service.host } : undefined;
          const lines = screenful({ status: told, away }, chosen, { columns, rows }, now, signs);
          expect(lines.length).toBeLessThanOrEqual(rows);
          for (const line of lines) {
            expect(lineWidth(line)).toBeLessThanOrEqual(columns);
            expect(lineText(line, false)).not.toMatch(signs.ascii ? /[^\x20-\x7e]/ : /[\p{Cc}\p{Cf}]/u);
          }
        },
      ),
    );
  });

  it('leaves out nothing in a pipe', () => {
    fc.assert(
      fc.property(status, (told) => {
        const lines = snapshot(told, ascii).map((line) => lineText(line, false));
        const findings = Math.max(1, told.findings.length);
        expect(lines).toHaveLength(findings + 5 + told.sinks.length + told.sensors.length);
      }),
    );
  });
});

describe('order', () => {
  const names = (rows: readonly { name: string }[]): string[] => rows.map(({ name }) => name);

  it.each<[Sort, string[]]>([
    ['trouble', ['broker', 'archive', 'b']],
    ['name', ['archive', 'b', 'broker']],
    ['busy', ['broker', 'b', 'archive']],
    ['behind', ['broker', 'archive', 'b']],
  ])('of sinks by %s', (sort, expected) => {
    const sinks = [sinkOf('archive'), sinkOf('b', { rates: { in: 100, out: 100 } }), awaySink('broker')];
    expect(names(sortSinks(sinks, sort))).toEqual(expected);
  });

  it.each<[Sort, string[]]>([
    ['trouble', ['web', 'gpu', 'cpu']],
    ['name', ['cpu', 'gpu', 'web']],
    ['busy', ['web', 'cpu', 'gpu']],
    ['behind', ['web', 'cpu', 'gpu']],
  ])('of sensors by %s', (sort, expected) => {
    expect(names(sortSensors(troubledStatus().sensors, sort))).toEqual(expected);
  });
});

describe('numbers', () => {
  it.each([
    [0, '0'],
    [0.333, '0.33'],
    [12.54, '12.5'],
    [999.6, '1k'],
    [1256, '1.26k'],
    [41_200, '41.2k'],
    [3.2e15, '3200T'],
  ])('%d is %s', (value, text) => {
    expect(amount(value)).toBe(text);
  });

  it.each([
    [0, '0 ms'],
    [1.25, '1.3 ms'],
    [999.7, '1 s'],
    [3200, '3.2 s'],
    [200_000, '3m 20s'],
  ])('%d ms is %s', (ms, text) => {
    expect(time(ms)).toBe(text);
  });
});

describe('keys', () => {
  it('come several at once, in every form that terminals send', () => {
    expect(actionsOf('s\u001b[Ax\u001bOB\u001b[6~\tq')).toEqual(['sort', 'up', 'down', 'page-down', 'view', 'quit']);
    expect(actionsOf('\u0003')).toEqual(['quit']);
    expect(actionsOf('\u001b[200~')).toEqual([]);
  });
});
