/** Random pages: read as they were meant, as another parser reads them, cut anywhere, and along any page that was read before. */
import fc from 'fast-check';
// @ts-expect-error The package has no types.
import parse from 'parse-prometheus-text-format';
import { describe, expect, test } from 'vitest';
import { emit } from '../../src/exposition/emit.ts';
import { numberOf } from '../../src/exposition/number.ts';
import { PageReader } from '../../src/exposition/reader.ts';
import { type Expected, randomPage } from './pages.ts';
import { read, type Sample, samples, samplesOf } from './support.ts';

const seed = Date.now() & 0x7fffffff;
const run = <T>(arbitrary: fc.Arbitrary<T>, check: (value: T) => void, numRuns = 500): void =>
  fc.assert(
    fc.property(arbitrary, (value) => {
      check(value);
    }),
    { seed, numRuns },
  );

const meant = ({ name, labels, value, timestamp }: Expected): Omit<Sample, 'kind'> => ({
  name,
  labels,
  value: numberOf(value) as number,
  ...(timestamp === undefined ? {} : { timestamp }),
});
const withoutKind = (rows: readonly Sample[]): Omit<Sample, 'kind'>[] =>
  rows.map(({ name, labels, value, ...rest }) => {
    const { kind: _kind, ...others } = rest;
    return { name, labels, value, ...others };
  });

interface OtherFamily {
  name: string;
  metrics: { labels?: Record<string, string>; value: string; timestamp_ms?: string }[];
}

describe(`random pages (seed ${seed})`, () => {
  test('are read as they were meant', () => {
    run(randomPage(), ({ text, samples: expected }) => expect(withoutKind(samples(text))).toEqual(expected.map(meant)));
  });

  test('strictly, too', () => {
    run(
      randomPage(),
      ({ text, samples: expected }) => expect(withoutKind(samples(text, { strict: true }))).toEqual(expected.map(meant)),
      200,
    );
  });

  test('give the samples that parse-prometheus-text-format finds', () => {
    run(randomPage(true), ({ text }) => {
      const other = (parse as unknown as (page: string) => OtherFamily[])(text).flatMap(({ name, metrics }) =>
        metrics.map(({ labels = {}, value, timestamp_ms: ms }) => ({
          name,
          labels,
          value: numberOf(value) as number,
          ...(ms === undefined ? {} : { timestamp: Number(ms) / 1000 }),
        })),
      );
      const key = (sample: object): string =>
        JSON.stringify(sample, (_key, value: unknown) => (typeof value === 'number' ? String(value) : value));
      expect(withoutKind(samples(text)).map(key).toSorted()).toEqual(other.map(key).toSorted());
    });
  });

  test('come back from the text that they are written as', () => {
    run(randomPage(), ({ text }) => {
      const reading = read(text);
      expect(samples(emit(reading))).toEqual(samplesOf(reading));
    });
  });

  test('are the same along the page before, whatever that was', () => {
    const reader = new PageReader();
    run(fc.tuple(randomPage(), randomPage()), ([first, second]) => {
      const before = read(first.text, { reader }).page;
      const alone = samples(second.text);
      expect(samples(second.text, { reader, before: [before] })).toEqual(alone);
      // The same page again is followed, and no page is made of it.
      const again = read(first.text, { reader, before: [before] });
      expect(again.page).toBe(before);
      expect(samplesOf(again)).toEqual(samples(first.text));
    });
  });

  test('are the same when some lines are gone, new or elsewhere', () => {
    const reader = new PageReader();
    const changed = fc.tuple(randomPage(), fc.infiniteStream(fc.integer({ min: 0, max: 9 })));
    run(changed, ([{ text }, choices]) => {
      const before = read(text, { reader }).page;
      const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
      const next = lines.flatMap((line) => {
        const choice = choices.next().value as number;
        return choice === 0 ? [] : choice === 1 ? ['a_new_one{x="y"} 5', line] : [line.replace(/ (\d+)$/, ' 7')];
      });
      if ((choices.next().value as number) < 3) next.reverse();
      const page = next.map((line) => `${line}\n`).join('');
      expect(samples(page, { reader, before: [before] })).toEqual(samples(page));
    });
  });

  test('with other values are followed, and have those', () => {
    const reader = new PageReader();
    run(randomPage(), ({ text, samples: expected, withValue }) => {
      const before = read(text, { reader }).page;
      // Values of other lengths move everything behind them.
      const next = withValue('123456.789');
      const reading = read(next, { reader, before: [before] });
      expect(reading.page).toBe(before);
      expect(samplesOf(reading)).toEqual(samples(next));
      expect(samplesOf(reading).map(({ value }) => value)).toEqual(expected.map(() => 123456.789));
    });
  });
});
