/** What a reader keeps of a page: kinds, labels made once, and what it makes of a page that is nearly the one before. */
import { describe, expect, test } from 'vitest';
import { missingRows } from '../../src/exposition/page.ts';
import { PageReader } from '../../src/exposition/reader.ts';
import { SeriesPolicy } from '../../src/scrape/policy.ts';
import { read, samples } from './support.ts';

const labelsOf = (page: string, options?: Parameters<typeof read>[1]): unknown[] =>
  samples(page, options).map(({ labels }) => labels);

describe('labels', () => {
  test('that are equal are one map, in whatever metric', () => {
    const page = 'a{x="1",y="2"} 1\na{x="2"} 1\nb{x="1",y="2"} 1\nb{x="2"} 1\nc{x="2"} 1\n';
    const [, labels] = read(page).page.layout.attributes;
    expect(labels).toEqual([{ x: '1', y: '2' }, { x: '2' }, { x: '1', y: '2' }, { x: '2' }, { x: '2' }]);
    expect(labels?.[2]).toBe(labels?.[0]);
    expect(labels?.[3]).toBe(labels?.[1]);
  });

  test('of buckets and quantiles are written in one way, those of others as they are', () => {
    const page =
      '# TYPE h histogram\nh_bucket{le="1"} 1\nh_bucket{le="2"} 1\n# TYPE s summary\ns{le="1"} 1\ns{quantile="1"} 1\n# TYPE g gauge\ng{le="1"} 1\ng{quantile="1"} 1\nu{le="1"} 1\n';
    expect(labelsOf(page)).toEqual([
      { le: '1.0' },
      { le: '2.0' },
      { le: '1' },
      { quantile: '1.0' },
      { le: '1' },
      { quantile: '1' },
      { le: '1' },
    ]);
  });

  test('of a kind that changes are made anew', () => {
    const reader = new PageReader();
    const gauge = '# TYPE a gauge\na_bucket{le="1"} 1\nb 1\n';
    const histogram = '# TYPE a histogram\na_bucket{le="1"} 1\nb 1\n';
    const before = read(gauge, { reader }).page;
    expect(labelsOf(histogram, { reader, before: [before] })).toEqual([{ le: '1.0' }, {}]);
    expect(samples(histogram, { reader, before: [before] })[0]?.kind).toBe('histogram');
  });

  test('are chosen by what they are, though they were there in another metric', () => {
    const drop = [{ name: (name: string) => name === 'b', labels: { x: (value: string) => value === '1' } }];
    const policy = new SeriesPolicy(
      {
        keep: undefined,
        drop,
        rename_labels: { x: 'new' },
        honor_labels: false,
        max_series: 100,
        label_limit: 0,
        label_name_length_limit: 0,
        label_value_length_limit: 0,
      },
      [],
    );
    const page = 'a{x="1"} 1\na{x="2"} 2\nb{x="1"} 3\nb{x="2"} 4\nc{x="1"} 5\n';
    expect(samples(page, { policy }).map(({ name, labels, value }) => [name, labels, value])).toEqual([
      ['a', { new: '1' }, 1],
      ['a', { new: '2' }, 2],
      ['b', { new: '2' }, 4],
      ['c', { new: '1' }, 5],
    ]);
  });

  test('with a name that maps must not have get another', () => {
    expect(labelsOf('a{__proto__="x",constructor="y"} 1\n')).toEqual([{ _proto_: 'x', constructor: 'y' }]);
  });
});

describe('kinds', () => {
  test('are those of the metric that a sample belongs to, wherever it is described', () => {
    const page =
      '# TYPE a counter\n# TYPE h histogram\n# TYPE s summary\nh_bucket{le="+Inf"} 1\na 1\nh_sum 1\nh_count 1\ns 1\ns_count 1\nh_other 1\na_total 1\nh 1\n# TYPE late gauge\nlate 1\n';
    expect(samples(page).map(({ name, kind }) => `${name} ${kind}`)).toEqual([
      'h_bucket histogram',
      'a counter',
      'h_sum histogram',
      'h_count histogram',
      's summary',
      's_count summary',
      'h_other unknown',
      'a_total counter',
      'h histogram',
      'late gauge',
    ]);
  });
});

describe('a page like the one before', () => {
  const reader = new PageReader();
  const page = '# HELP a first\n# TYPE a gauge\na{x="1"} 1\na{x="2"} 2 1000\nb 3\n# the end\n';
  const before = read(page, { reader }).page;
  const follow = (text: string) => read(text, { reader, before: [before] });

  test.each([
    ['other numbers', page.replace(' 3\n', ' -4.5e7\n'), true],
    ['another timestamp', page.replace('1000', '2000'), true],
    ['no newline at the end of its samples', page.replace('# the end\n', ''), false],
    ['a timestamp less', page.replace(' 1000', ''), false],
    ['a timestamp more', page.replace(' 3\n', ' 3 5\n'), false],
    ['another help', page.replace('first', 'other'), false],
    ['another comment at its end', page.replace('# the end', '# the ends'), false],
    ['a sample more', `${page}c 1\n`, false],
    ['a sample less', page.replace('b 3\n', ''), false],
  ])('with %s', (_what, text, same) => {
    const reading = follow(text);
    expect(reading.page === before).toBe(same);
    expect(samples(text, { reader, before: [before] })).toEqual(samples(text));
  });

  test('keeps the labels of the series that it had', () => {
    const changed = follow(`z 1\n${page}`).page;
    expect(changed.layout.attributes[1]?.[1]).toBe(before.layout.attributes[1]?.[0]);
  });

  test('tells what it lacks, but for what has times of its own', () => {
    const next = read('b 1\nc 1\n').page;
    expect(missingRows(before, next)).toEqual([0]);
    expect(missingRows(next, before)).toEqual([1]);
  });
});

test('what is wrong is said with its line, and long lines are shown around it', () => {
  expect(() => read('a 1\n# TYPE b\n\nb{c="d" 1\n')).toThrow('line 2: "" is no metric type, in "# TYPE b"');
  expect(() => read(`a{b="${'x'.repeat(500)}"} oops\n`)).toThrow(/^line 1: "oops" is no value, in "x{50,}.{1,80}oops"$/);
  expect(() => read('a 1\n\nb{c="d" 1\n')).toThrow('line 3: expected a label name, in "b{c=\\"d\\" 1"');
});
