/** What a stream checker says of streams as sinks leave them: outages, restarts, losses told early and late, backfill. */
import { describe, expect, test } from 'vitest';
import type { Message } from '../../src/broker.ts';
import { DecodeError } from '../../src/codec/decode.ts';
import { StreamChecker } from '../../src/consumer/checker.ts';
import { arrivalOf } from '../../src/consumer/message.ts';
import type { StreamReport } from '../../src/consumer/stream.ts';
import { envelope, lostMessage, sent } from './messages.ts';

const range = (first: number, last: number): number[] => Array.from({ length: last - first + 1 }, (_, i) => first + i);

function checked(messages: readonly Message[], checker = new StreamChecker()): StreamChecker {
  for (const message of messages) checker.feed(arrivalOf(envelope(message)));
  return checker;
}
const only = (checker: StreamChecker, over = false): StreamReport => {
  const reports = checker.report({ over });
  expect(reports).toHaveLength(1);
  return reports[0] as StreamReport;
};

describe('a hole', () => {
  const before = range(1, 5).map((n) => sent(n));
  const after = range(9, 12).map((n) => sent(n));
  const told = lostMessage([{ first: 6, last: 8, reason: 'expired' }]);

  test.each([
    ['before it', [...before, told, ...after]],
    ['long before it', [told, ...before, ...after]],
    ['behind it', [...before, ...after, told]],
    ['twice', [...before, told, told, ...after]],
    ['twice, in pieces', [...before, lostMessage([{ first: 6, last: 7, reason: 'expired' }]), ...after, told]],
  ])('that is told of %s is explained', (_, messages) => {
    expect(only(checked(messages))).toMatchObject({ arrived: 9, lost: { expired: 3 }, unexplained: 0, holes: [], outOfOrder: 0 });
  });

  test('that nothing tells of is unexplained, and no longer when it is filled', () => {
    const checker = checked([...before, ...after]);
    expect(only(checker)).toMatchObject({ unexplained: 3, holes: [{ first: 6, last: 8 }] });
    checked([sent(7, { backfill: true })], checker);
    expect(only(checker)).toMatchObject({
      unexplained: 2,
      holes: [
        { first: 6, last: 6 },
        { first: 8, last: 8 },
      ],
    });
  });

  test('of which some are told is explained as far as they go', () => {
    const some = lostMessage([{ first: 1, last: 8, events: 2 }]);
    expect(only(checked([...before, some, ...after]))).toMatchObject({ lost: { spool_full: 2 }, unexplained: 1 });
  });

  test('belongs to its own run, lane and agent', () => {
    const others = [
      lostMessage([{ first: 6, last: 8 }], { lane: 1 }),
      lostMessage([{ first: 6, last: 8 }], { run: 'r2' }),
      lostMessage([{ first: 6, last: 8 }], { agent: 'edge-8' }),
    ];
    const report = checked([...before, ...after, ...others]).reportOf('edge-7', 'r1', 0);
    expect(report).toMatchObject({ unexplained: 3, lost: {} });
  });
});

describe('an unclean stop', () => {
  const stopped = lostMessage([{ first: 4, window: 5, reason: 'unclean_stop' }]);

  test('explains what was being sent, and nothing older', () => {
    // 1 2 _ 4 _ 6 7 8 _ 10: of the last five before 10, one is missing; 3 and 5 are older.
    const report = only(checked([...[1, 2, 4, 6, 7, 8, 10].map((n) => sent(n)), stopped]));
    expect(report).toMatchObject({
      lost: { unclean_stop: 1 },
      holes: [
        { first: 3, last: 3 },
        { first: 5, last: 5 },
      ],
    });
  });

  test('does not explain what is before its first number', () => {
    expect(only(checked([sent(1), sent(5), stopped]))).toMatchObject({
      lost: { unclean_stop: 1 },
      holes: [{ first: 2, last: 3 }],
    });
  });

  test('is held against the highest number that arrives in the end', () => {
    const checker = checked([...range(1, 4).map((n) => sent(n)), sent(6), stopped]);
    expect(only(checker)).toMatchObject({ lost: { unclean_stop: 1 }, unexplained: 0 });
    checked(
      range(7, 20).map((n) => sent(n)),
      checker,
    );
    expect(only(checker)).toMatchObject({ lost: {}, holes: [{ first: 5, last: 5 }] });
  });
});

describe('numbers above the highest', () => {
  test('of which a loss tells are lost; what is between is awaited, and missing once nothing more will come', () => {
    const checker = checked([...range(1, 10).map((n) => sent(n)), lostMessage([{ first: 16, last: 20, reason: 'queue_full' }])]);
    expect(only(checker)).toMatchObject({ highest: 10, lost: { queue_full: 5 }, unexplained: 0, awaited: 5 });
    expect(only(checker, true)).toMatchObject({ unexplained: 5, awaited: 0, holes: [{ first: 11, last: 15 }] });
    checked(
      range(11, 15).map((n) => sent(n)),
      checker,
    );
    expect(only(checker, true)).toMatchObject({ unexplained: 0 });
  });
});

describe('order', () => {
  test('a repeat is none, a lower number is, a backfill is counted apart', () => {
    const messages = [sent(1), sent(2), sent(5), sent(2), sent(3), sent(4, { backfill: true })];
    expect(only(checked(messages))).toMatchObject({
      repeats: 1,
      outOfOrder: 1,
      backfilled: 1,
      backfilledOutOfOrder: 0,
      unexplained: 0,
    });
  });

  test('is judged where it can be kept: within one partition', () => {
    const checker = new StreamChecker();
    const feed = (n: number, place: string): void => void checker.feed(arrivalOf(envelope(sent(n), place)));
    feed(2, 'a/0');
    feed(1, 'b/0');
    feed(4, 'a/0');
    feed(3, 'a/0');
    expect(only(checker)).toMatchObject({ outOfOrder: 1, unexplained: 0, places: ['a/0', 'b/0'] });
  });

  test('runs follow one another: an older one that goes on behind a newer one is out of order', () => {
    const old = (n: number, backfill = false): Message => sent(n, { run: 'r1', backfill });
    const fresh = (n: number): Message => sent(n, { run: 'r2' });
    const replayed = checked([old(1), old(2), fresh(1), fresh(2)]);
    expect(replayed.report().map(({ afterNewerRun }) => afterNewerRun)).toEqual([0, 0]);
    const mixed = checked([old(1), fresh(1), old(2), old(1), old(3, true), fresh(2)]);
    expect(mixed.reportOf('edge-7', 'r1', 0)).toMatchObject({ afterNewerRun: 1, repeats: 1 });
    expect(mixed.reportOf('edge-7', 'r2', 0)).toMatchObject({ afterNewerRun: 0 });
  });
});

describe('reading that begins in the middle', () => {
  test('misses nothing that was before', () => {
    const checker = checked(
      range(500, 510).map((n) => sent(n)),
      new StreamChecker({ from: 'first' }),
    );
    expect(only(checker)).toMatchObject({ before: 499, unexplained: 0, arrived: 11 });
    expect(checker.feed(arrivalOf(envelope(sent(513)))).skipped).toEqual({ first: 511, last: 512 });
    expect(only(checker)).toMatchObject({ before: 499, unexplained: 2 });
  });
});

describe('limits', () => {
  test('beyond the most streams, the one that was silent for longest is reported and forgotten', () => {
    const retired: StreamReport[] = [];
    const checker = new StreamChecker({ streams: 2, onRetired: (report) => retired.push(report) });
    checked([sent(1, { lane: 0 }), sent(1, { lane: 1 }), sent(2, { lane: 0 }), sent(1, { lane: 2 })], checker);
    expect(retired).toMatchObject([{ lane: 1, arrived: 1 }]);
    expect(checker).toMatchObject({ streams: 2, retired: 1 });
  });

  test('a stream of nothing but holes, and of as many losses, keeps to its ranges', () => {
    const checker = new StreamChecker({ ranges: 100 });
    for (let n = 1; n <= 20_000; n += 2) {
      checked([sent(n)], checker);
      if (n % 20 === 1)
        checked([lostMessage([{ first: n + 1, last: n + 1 }]), lostMessage([{ first: n, last: n + 2, events: 1 }])], checker);
    }
    const report = only(checker);
    expect(report.holes.length).toBeLessThanOrEqual(100);
    expect(report).toMatchObject({ arrived: 10_000, highest: 19_999 });
    // Each of the 9,999 even numbers is judged once, however it was forgotten.
    expect(report.unexplained + (report.lost['spool_full'] ?? 0)).toBe(9999);
  });
});

test('a sequence that is none is refused, and changes nothing', () => {
  const checker = new StreamChecker();
  for (const seq of [
    '',
    'r',
    'r/0',
    'r/0/0',
    'r/0/1.5',
    'r/x/1',
    '/0/1',
    'r/0/1/2',
    `r/0/${2 ** 53}`,
    'r/99999/1',
    `${'r'.repeat(2000)}/0/1`,
  ]) {
    expect(() => checker.feed({ agent: 'a', seq })).toThrow(DecodeError);
  }
  expect(checker.report()).toEqual([]);
});
