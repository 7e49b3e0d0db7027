/** What is said of what was read: the table, the details, the verdict. */
import { expect, test } from 'vitest';
import type { Message } from '../../src/broker.ts';
import { toJson, toText } from '../../src/cli/verify-report.ts';
import { Audit } from '../../src/verify/audit.ts';
import { judge } from '../../src/verify/verdict.ts';
import { envelope, lostMessage, sent } from '../consumer/messages.ts';
import { range } from './support.ts';

const plain = (text: string): string => text;
const paper = {
  paint: { colours: false, dim: plain, bold: plain, red: plain, yellow: plain, green: plain },
  out: { columns: 0 } as NodeJS.WriteStream,
};

function reported(messages: readonly Message[], { over = false, whole = true } = {}) {
  const audit = new Audit({ by: 'sequence', from: 'start' });
  for (const message of messages) audit.take(envelope(message));
  const result = audit.result(over);
  const judged = judge(result, { by: 'sequence', complete: false, whole });
  const report = { what: 'kafka topic t', by: 'sequence', remarks: ['A remark.'], result, judged } as const;
  return { result, judged, text: toText(report, paper), json: JSON.parse(toJson(report)) as Record<string, unknown> };
}
const events = (first: number, last: number, about = {}): Message[] => range(first, last).map((n) => sent(n, about));

test('all is there: one line a stream, and a sentence', () => {
  const { text, judged } = reported([...events(1, 12), ...events(1, 3, { lane: 1, sensor: 'cpu' })]);
  expect(judged.verdict).toBe('complete');
  expect(text).toBe(
    [
      'kafka topic t',
      '',
      'agent   run  lane  numbers  repeats  disorder  lost  missing',
      'edge-7  r1   0          12        0         0     0        0',
      'edge-7  r1   1           3        0         0     0        0',
      '',
      '15 events, 0 repeats',
      'A remark.',
      'Complete, and in order.',
      '',
    ].join('\n'),
  );
});

test('what is lost, missing, late and repeated is named', () => {
  const messages = [
    ...events(1, 5),
    sent(4),
    lostMessage([
      { first: 6, last: 9, reason: 'spool_full' },
      { first: 10, last: 11, reason: 'expired' },
    ]),
    ...events(15, 16),
    sent(20),
    sent(19),
    sent(14, { backfill: true }),
  ];
  const { text, judged, json } = reported(messages);
  expect(text).toContain('edge-7/r1/0: lost: 4 spool_full, 2 expired\n');
  expect(text).toContain('edge-7/r1/0: missing: 12–13, 17–18\n');
  expect(text).toContain('edge-7/r1/0: 1 came after a higher number\n');
  expect(text).toContain('edge-7/r1/0: 1 came as backfill, beside newer ones\n');
  expect(text).toContain('11 events, 1 repeat, 1 loss notices\n');
  expect(text.endsWith('4 events missing, and nothing explains it.\n1 event out of order.\n')).toBe(true);
  expect(judged.verdict).toBe('faulty');
  expect(json).toMatchObject({ verdict: 'faulty', totals: { arrived: 10, lost: 6, unexplained: 4, disorder: 1, backfilled: 1 } });
});

test('what is awaited may still come, until nothing more will', () => {
  const messages = [...events(1, 5), lostMessage([{ first: 9, last: 10 }])];
  const now = reported(messages);
  expect(now.judged.verdict).toBe('explained');
  expect(now.text).toContain('3 events more exist and have not arrived: they may still be in a spool.');
  const over = reported(messages, { over: true });
  expect(over.judged.verdict).toBe('faulty');
  expect(over.text).toContain('edge-7/r1/0: missing: 6–8\n');
});

test('messages of others are no fault; a broken one of ours is, and its number has arrived', () => {
  const foreign: Message = { ...sent(1), id: 'x', type: 'theirs', seq: undefined, body: Buffer.from('{}') };
  const broken: Message = { ...sent(2), body: Buffer.from('{"v":1}') };
  const mixed: Message = { ...sent(4), id: 'edge-7/r1/disk/400' };
  const fine = reported([sent(1), foreign, ...events(2, 3)]);
  expect(fine).toMatchObject({ judged: { verdict: 'complete' }, result: { foreign: { count: 1 } } });
  const bad = reported([sent(1), broken, sent(3), mixed]);
  expect(bad).toMatchObject({
    judged: { verdict: 'faulty', totals: { unexplained: 0, arrived: 4 } },
    result: { broken: { count: 2 } },
  });
  expect(bad.text).toContain('the header says that its id is edge-7/r1/disk/400, the event edge-7/r1/disk/4');
});

test('two sinks of one agent in one place share their numbers: that is said, and is not taken for repeats', () => {
  const both = range(1, 6).flatMap((n) => [sent(n), sent(n, { sensor: 'cpu' })]);
  const { judged, text } = reported(both);
  expect(judged.verdict).toBe('faulty');
  expect(text).toContain('6 numbers stand for more than one event: two sinks of one agent');
  expect(text).toContain('r1/0/1 was another event before, and is edge-7/r1/cpu/1');
});

test('an event without a sequence, where there should be one, is counted', () => {
  const bare: Message = { ...sent(3), seq: undefined };
  expect(reported([sent(1), sent(2), bare]).text).toContain('3 events, 0 repeats, 1 without a sequence\n');
});

test('of many streams those with a fault are shown first, and how many more there are', () => {
  const runs = range(1, 60).flatMap((k) => events(1, 2, { run: `r${String(k).padStart(2, '0')}` }));
  const { text } = reported([...runs, sent(5, { run: 'r60' })]);
  const rows = text.split('\n');
  expect(rows[3]).toMatch(/^edge-7 {2}r60 .* 2$/);
  expect(text).toContain('… and 20 streams more\n');
  expect(rows.length).toBeLessThan(60);
});

test('many holes are shown as the first of them', () => {
  const { text } = reported(range(0, 50).map((k) => sent(1 + 2 * k)));
  expect(text).toContain('missing: 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 38 ranges more\n');
});

test('what could not be read to its end proves nothing', () => {
  expect(reported(events(1, 3), { whole: false }).judged.verdict).toBe('unfinished');
  expect(reported([]).judged.verdict).toBe('empty');
});
