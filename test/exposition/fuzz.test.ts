/**
 * Pages that were broken at random: a reader may refuse them, and does nothing else. It does not crash in another way, does not hang, and looks at each byte a few
 * times only: steps are counted, not measured.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ExpositionError } from '../../src/exposition/ascii.ts';
import { PageReader } from '../../src/exposition/reader.ts';
import { SeriesParser, Vocabulary } from '../../src/exposition/series.ts';
import { TailParser } from '../../src/exposition/tail.ts';
import { randomPage } from './pages.ts';
import { bodyOf, read } from './support.ts';

const seed = Date.now() & 0x7fffffff;
const OPEN_METRICS = [
  '# TYPE a counter\n# HELP a help \\n text\n# UNIT a_s s\na_total{x="1",y="\\"\\\\\\n"} 1 1.5 # {id="z"} 0.5 2\na_created{x="1"} 1e9\n# EOF\n',
  '# TYPE h histogram\nh_bucket{le="1.0"} 1\nh_bucket{le="+Inf"} 2\nh_count 2\nh_sum 3.5\n# EOF\n',
  '# TYPE "s.t" summary\n{"s.t",quantile="0.5"} NaN\n{"s.t_count"} 7\n# EOF\n',
];
const PIECES = [
  '"',
  '\\',
  '{',
  '}',
  ',',
  '=',
  ' ',
  '\t',
  '\n',
  '#',
  '# TYPE ',
  '# EOF\n',
  '\0',
  '\r',
  '\xff',
  'NaN',
  '1e999',
  '0x',
  'é',
  '{"a"',
  '_total',
  '"}',
  'le="',
];

type Step = readonly [place: number, kind: number, piece: string, length: number];
const steps = fc.array(
  fc.tuple(
    fc.double({ min: 0, max: 1, noNaN: true }),
    fc.integer({ min: 0, max: 3 }),
    fc.constantFrom(...PIECES),
    fc.integer({ min: 1, max: 9 }),
  ),
  { minLength: 1, maxLength: 5 },
);

/** Inserts, removes, doubles or overwrites bytes. */
function broken(page: Buffer, changes: readonly Step[]): Buffer {
  let bytes = page;
  for (const [place, kind, piece, length] of changes) {
    const at = Math.floor(place * bytes.length);
    const [head, rest] = [bytes.subarray(0, at), bytes.subarray(at)];
    const added = Buffer.from(piece, 'latin1');
    if (kind === 0) bytes = Buffer.concat([head, added, rest]);
    else if (kind === 1) bytes = Buffer.concat([head, rest.subarray(length)]);
    else if (kind === 2) bytes = Buffer.concat([head, rest.subarray(0, length * 8), rest]);
    else bytes = Buffer.concat([head, added, rest.subarray(added.length)]);
  }
  return bytes;
}

/** Reads in every way; only an `ExpositionError` may come of it. Returns whether lenient reading took it. */
function survives(bytes: Buffer, openMetrics: boolean, reader: PageReader, before: Parameters<typeof read>[1]): boolean {
  let taken = false;
  for (const strict of [false, true]) {
    for (const options of [{}, { reader, ...before }]) {
      try {
        read(bytes, { openMetrics, strict, ...options });
        taken ||= !strict;
      } catch (error) {
        expect(error).toBeInstanceOf(ExpositionError);
        expect((error as Error).message.length).toBeLessThan(700);
      }
    }
  }
  return taken;
}

describe(`broken pages (seed ${seed})`, () => {
  test('of the text format', () => {
    const reader = new PageReader();
    let taken = 0;
    fc.assert(
      fc.property(randomPage(), steps, ({ text }, changes) => {
        const before = read(text, { reader }).page;
        if (survives(broken(Buffer.from(text), changes), false, reader, { before: [before] })) taken++;
      }),
      { seed, numRuns: 2000 },
    );
    // Some of them are pages all the same: the test looks at both.
    expect(taken).toBeGreaterThan(100);
    expect(taken).toBeLessThan(1900);
  });

  test('of OpenMetrics', () => {
    const reader = new PageReader();
    fc.assert(
      fc.property(fc.constantFrom(...OPEN_METRICS), steps, (text, changes) => {
        const before = read(text, { reader, openMetrics: true }).page;
        survives(broken(Buffer.from(text), changes), true, reader, { before: [before] });
      }),
      { seed, numRuns: 3000 },
    );
  });

  test('any bytes', () => {
    const reader = new PageReader();
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 200 }),
        fc.boolean(),
        (bytes, openMetrics) => void survives(Buffer.from(bytes), openMetrics, reader, {}),
      ),
      { seed, numRuns: 2000 },
    );
  });

  test('are refused alike along a page and without one', () => {
    const reader = new PageReader();
    fc.assert(
      fc.property(randomPage(), steps, ({ text }, changes) => {
        const before = read(text, { reader }).page;
        const bytes = broken(Buffer.from(text), changes);
        const outcome = (options: Parameters<typeof read>[1]): unknown => {
          try {
            const { page, values } = read(bytes, options);
            return [page.layout.attributes, [...values].map(String), page.items];
          } catch (error) {
            return (error as Error).message;
          }
        };
        expect(outcome({ reader, before: [before] })).toEqual(outcome({}));
      }),
      { seed, numRuns: 1000 },
    );
  });
});

/** How often a parser looked at a byte. */
function looks(text: string, parse: (series: SeriesParser, tail: TailParser, bytes: Buffer) => void): number {
  const { body, length } = bodyOf(text);
  let count = 0;
  const counted = new Proxy(body, {
    get(target, key) {
      count++;
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
  body.fill(10, length);
  const vocabulary = new Vocabulary();
  const series = new SeriesParser(vocabulary);
  const tail = new TailParser(new SeriesParser(vocabulary));
  const view = new DataView(body.buffer, body.byteOffset, body.length);
  const work = { bytes: counted, view, length, grammar: { openMetrics: false, strict: false } };
  series.begin(work);
  tail.begin(work);
  try {
    parse(series, tail, body);
  } catch (error) {
    if (!(error instanceof ExpositionError)) throw error;
  }
  return count;
}

describe('time grows with the page and not faster', () => {
  const size = 20_000;
  test.each([
    ['labels', `a{${Array.from({ length: size / 8 }, (_, i) => `l${i}="v"`).join(',')}} 1`],
    ['a value without end', `a{b="${'x'.repeat(size)}`],
    ['backslashes', `a{b="${'\\'.repeat(size)}"} 1`],
    ['a name', `${'n'.repeat(size)} 1`],
    ['blanks', `a${' '.repeat(size)}1`],
    ['braces', `a${'{'.repeat(size)}`],
    ['quotes', `a{${'"'.repeat(size)}`],
    ['commas', `a{${','.repeat(size)}`],
    ['quoted names', `{${'"n",'.repeat(size / 4)}`],
    ['digits', `a ${'1'.repeat(size)}`],
  ])('%s', (_name, text) => {
    const count = looks(text, (series, tail) => void tail.rest(tail.value(series.parse(0), new Float64Array(1), 0)));
    expect(count).toBeLessThan(6 * text.length + 1000);
  });

  test('a page of one long line after another is refused at its first error', () => {
    const text = `${`a{b="${'x'.repeat(1000)}\n`.repeat(1000)}`;
    expect(() => read(text)).toThrow(/line 1: /);
  });

  test('many labels, series and families do no harm', () => {
    const labels = `a{${Array.from({ length: 20_000 }, (_, i) => `l${i}="v"`).join(',')}} 1\n`;
    expect(Object.keys(read(labels).page.layout.attributes[1]?.[0] as object)).toHaveLength(20_000);
    const families = Array.from({ length: 20_000 }, (_, i) => `# TYPE f${i} gauge\n# HELP f${i} h\nf${i} ${i}\n`).join('');
    expect(read(families).page.families).toHaveLength(20_000);
    const repeated = 'a{x="y"} 1\n'.repeat(20_000);
    expect(read(repeated).page).toMatchObject({ repeated: 19_999, items: 20_000 });
  });
});
