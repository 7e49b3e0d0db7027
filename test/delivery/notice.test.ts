/** Loss notices: what a reader at the far end finds in one. */
import { describe, expect, test } from 'vitest';
import { decodeJson, decodeMsgpack } from '../../src/codec/decode.ts';
import { Intake } from '../../src/delivery/intake.ts';
import type { LossRange } from '../../src/delivery/losses.ts';
import { Notices } from '../../src/delivery/notice.ts';
import { Ledger } from '../../src/ledger.ts';
import { FakeClock } from '../clock.ts';
import { settingsOf } from './parts.ts';

const notices = (format: 'json' | 'msgpack' = 'json'): Notices => {
  const intake = new Intake('run2', settingsOf({ format }), new Ledger(new FakeClock()), new FakeClock());
  return new Notices({ sink: 'kafka', agent: 'agent', host: 'host', run: 'run2', encode: (event) => intake.encode(event) });
};
const lost = (first: number, last: number): LossRange => ({
  run: 'run2',
  reason: 'queue_full',
  first,
  last,
  events: last - first + 1,
});

describe('a notice', () => {
  test('names run, lane and reason, and what is lost, a row a range', () => {
    const ranges: LossRange[] = [lost(3, 7), { run: 'run1', reason: 'several', first: 1, last: 100, events: 12 }];
    const [notice, ...more] = notices().make(3, ranges, 1_763_856_000_000);
    expect(more).toEqual([]);
    expect(notice).toMatchObject({
      type: 'tidegate.loss',
      lane: 3,
      seq: undefined,
      backfill: false,
      time: 1_763_856_000_000,
      sensor: 'loss:kafka',
    });
    const { rows, attributes, fields, id, host } = decodeJson(notice?.body as Buffer);
    expect([rows, id, host]).toEqual([2, notice?.id, 'host']);
    expect(attributes).toEqual({
      'tidegate.run': ['run2', 'run1'],
      'tidegate.lane': ['3', '3'],
      'tidegate.reason': ['queue_full', 'several'],
    });
    expect(Object.fromEntries(Object.entries(fields).map(([name, { values }]) => [name, values]))).toEqual({
      first: [3, 1],
      last: [7, 100],
      events: [5, 12],
      window: [null, null],
    });
  });

  test('of an unclean stop has no end, which is absent and not 0; without order it has no window either', () => {
    const known = { run: 'run1', reason: 'unclean_stop', first: 43 } as const;
    const open = (window: number | undefined): LossRange => ({ ...known, last: undefined, events: undefined, window });
    const [notice] = notices().make(0, [open(100), open(undefined)], 0);
    const { fields } = decodeJson(notice?.body as Buffer);
    expect(fields['first']?.values).toEqual([43, 43]);
    expect(fields['last']?.values).toEqual([null, null]);
    expect(fields['events']?.values).toEqual([null, null]);
    expect(fields['window']?.values).toEqual([100, null]);
  });

  test('is encoded as the sink encodes its events', () => {
    const [json] = notices('json').make(0, [lost(1, 1)], 5);
    const [msgpack] = notices('msgpack').make(0, [lost(1, 1)], 5);
    expect([json?.contentType, msgpack?.contentType]).toEqual(['application/json', 'application/msgpack']);
    expect(decodeMsgpack(msgpack?.body as Buffer)).toEqual(decodeJson(json?.body as Buffer));
  });
});

test('many ranges make several notices that tell each range once, in order, none with an id that another has', () => {
  const made = notices();
  const first = made.make(
    0,
    Array.from({ length: 1000 }, (_, i) => lost(2 * i + 1, 2 * i + 1)),
    0,
  );
  const second = made.make(1, [lost(1, 1)], 0);
  expect(first.length).toBeGreaterThan(1);
  const told = first.flatMap(({ body }) => decodeJson(body).fields['first']?.values ?? []);
  expect(told).toEqual(Array.from({ length: 1000 }, (_, i) => 2 * i + 1));
  const ids = [...first, ...second].map(({ id }) => id);
  expect(new Set(ids).size).toBe(ids.length);
  expect(made.make(0, [], 0)).toEqual([]);
});
