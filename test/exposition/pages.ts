/** Random pages of the text format, with what a reader has to find in them. */
import fc from 'fast-check';

export interface Expected {
  name: string;
  labels: Record<string, string>;
  value: string;
  timestamp?: number;
}

export interface RandomPage {
  text: string;
  samples: Expected[];
  /** The same page with other values. */
  withValue(value: string): string;
}

const labelName = fc.constantFrom('a', 'b', 'path', 'code', 'x_1', '_y', 'instance');
const labelValue = fc.oneof(
  fc.constantFrom('', '200', '/api', 'a b', 'x="y"', '}', '{', ',', '# HELP', 'back\\slash', 'new\nline', 'é', '日本', '\\n'),
  fc.string({ maxLength: 12 }).map((text) => text.toWellFormed().replaceAll('\r', '')),
);
const numberText = fc.oneof(
  fc.integer({ min: -1000, max: 1_000_000 }).map(String),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => (Object.is(value, -0) ? '0' : `${value}`)),
  fc.constantFrom('NaN', '+Inf', '-Inf', '0', '1e5', '12345678901234567890'),
);
const escaped = (text: string): string => text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
const blank = fc.constantFrom(' ', '  ', '\t');

const sample = fc.record({
  labels: fc.uniqueArray(fc.tuple(labelName, labelValue), { selector: ([name]) => name, maxLength: 4 }),
  value: numberText,
  timestamp: fc.option(fc.integer({ min: 0, max: 2_000_000_000_000 }), { nil: undefined }),
  blank,
  comma: fc.boolean(),
});

const family = fc.record({
  type: fc.constantFrom('counter', 'gauge', 'untyped', undefined),
  help: fc.option(fc.constantFrom('some help', 'with \\ and "quotes"', ''), { nil: undefined }),
  samples: fc.uniqueArray(sample, {
    selector: ({ labels }) => JSON.stringify(labels.map((pair) => JSON.stringify(pair)).toSorted()),
    minLength: 1,
    maxLength: 6,
  }),
  comment: fc.constantFrom('', '# a comment\n', '\n', '#\n', '# HELP\n'),
});

/** `plain`: without what other parsers read in another way (blanks but one, commas before braces, tabs). */
export const randomPage = (plain = false): fc.Arbitrary<RandomPage> =>
  fc.array(family, { maxLength: 6 }).map((families) => {
    const samples: Expected[] = [];
    let text = '';
    // What stands between the values.
    const parts: string[] = [];
    families.forEach(({ type, help, samples: rows, comment }, i) => {
      const name = `metric_${i}${type === 'counter' ? '_total' : ''}`;
      if (!plain) text += comment;
      if (help !== undefined && !(plain && help === '')) text += `# HELP ${name} ${help.replaceAll('\\', '\\\\')}\n`;
      if (type !== undefined) text += `# TYPE ${name} ${type}\n`;
      for (const row of rows) {
        const pairs = row.labels.map(([key, value]) => `${key}="${escaped(value)}"`).join(',');
        const comma = !plain && row.comma && pairs !== '' ? ',' : '';
        const gap = plain ? ' ' : row.blank;
        const stamp = row.timestamp === undefined ? '' : `${gap}${row.timestamp}`;
        parts.push(`${text}${name}${pairs === '' ? '' : `{${pairs}${comma}}`}${gap}`);
        text = `${stamp}\n`;
        samples.push({
          name,
          labels: Object.fromEntries(row.labels),
          value: row.value,
          ...(row.timestamp === undefined ? {} : { timestamp: row.timestamp / 1000 }),
        });
      }
    });
    parts.push(text);
    const written = (value: (i: number) => string): string =>
      parts.map((part, i) => (i === 0 ? part : `${value(i - 1)}${part}`)).join('');
    return { text: written((i) => (samples[i] as Expected).value), samples, withValue: (value) => written(() => value) };
  });
