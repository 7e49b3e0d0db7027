/** What a sink takes of samples that are more than one table of one schema from one source. */
import { expect, test } from 'vitest';
import { sinkCommon } from '../../src/config/schema.ts';
import { createSource, defineSchema, gauge, TideEvent, updowncounter } from '../../src/event.ts';
import { selector } from '../../src/select/select.ts';
import { plain } from '../support.ts';

const usage = defineSchema({ type: 'disk', doc: '', attributes: ['device'], fields: { used: gauge('By', '') } });
const limits = defineSchema({ type: 'disk', doc: '', attributes: ['device'], fields: { limit: updowncounter('By', '') } });
const sourceOf = (labels: Record<string, string> = {}) => createSource({ agent: 'a', run: 'r', sensor: 's', host: 'h', labels });

test('tables of several schemas that are of one type, as most of a machine are, go together', () => {
  const got: unknown[] = [];
  const take = selector(sinkCommon.parse({ every: 3, aggregate: ['last', 'max'] }), ({ time, table }) =>
    got.push([time, plain(table).rows[0]]),
  );
  const source = sourceOf();
  [5, 9, 7, 1, 3].forEach((value, time) => {
    take(new TideEvent(source, 2 * time + 1, time, usage.table().add(['sda'], { used: value }).seal()));
    // This one has something to tell at some samples alone.
    if (time !== 0) take(new TideEvent(source, 2 * time + 2, time, limits.table().add(['sda'], { limit: -value }).seal()));
  });
  expect(got).toEqual([
    [0, { device: 'sda', used: 5, 'used.max': 5 }],
    [3, { device: 'sda', used: 1, 'used.max': 9 }],
    [3, { device: 'sda', limit: -1, 'limit.max': -1 }],
  ]);
});

test('targets of one sensor are sampled at moments of their own, and each is reckoned by itself', () => {
  const got: unknown[] = [];
  const take = selector(sinkCommon.parse({ every: '10s', aggregate: ['max'] }), ({ source, time, table }) =>
    got.push([source.labels['instance'], time, plain(table).rows[0]?.['used.max']]),
  );
  const targets = ['a', 'b'].map((instance) => sourceOf({ instance }));
  for (const time of [0, 5000, 10_000, 15_000])
    targets.forEach((source, i) => {
      const table = usage.table().add(['sda'], { used: i * 100 + time });
      take(new TideEvent(source, 1, time + i * 1000, table.seal()));
    });
  expect(got).toEqual([
    ['a', 0, 0],
    ['b', 1000, 100],
    ['a', 10_000, 10_000],
    ['b', 11_000, 10_100],
  ]);
});
