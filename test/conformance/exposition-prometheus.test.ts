/**
 * The cases of Prometheus' two parsers of text, and real pages.
 *
 * Lenient reading takes the side of the server in all but what `DIFFERENCES` lists; strict reading of the text format takes that of
 * prometheus/common.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { startTimes } from '../../src/exposition/created.ts';
import { emit } from '../../src/exposition/emit.ts';
import { read, type Sample, samplesOf } from '../exposition/support.ts';
import { conformance } from '../support.ts';

type Input = string | { base64: string };
interface ServerEntry {
  series_or_family: string;
  value?: number | string;
  labels?: [string, string][];
  timestamp_ms?: number;
  start_timestamp_ms?: number;
  exemplars?: { labels: Record<string, string> | [string, string][]; value: number; ts?: number; timestamp_ms?: number }[];
  help?: string;
  type?: string;
  unit?: string;
}
interface ServerCase {
  test: string;
  case?: number;
  name?: string;
  format: string;
  input: Input;
  valid: boolean;
  expected?: ServerEntry[];
}
interface CommonCase {
  test: string;
  case: number;
  input: Input;
  valid?: boolean;
  valid_with_utf8_names?: boolean;
  expected_families?: CommonFamily[];
}
interface CommonFamily {
  Name: string;
  Help?: string;
  Type: string;
  Metric: Record<string, unknown>[];
}

/** Cases where prometheus/common refuses what the server reads. Lenient reading takes the server's side in each of them. */
const DIFFERENCES: Readonly<Record<number, string>> = {
  0: 'a last line without a newline',
  1: 'an escape other than \\\\, \\" and \\n in a label value',
  7: 'a quantile that is no number',
  12: 'a second HELP',
  13: 'a second TYPE',
  14: 'TYPE behind samples',
  19: 'a bound of a bucket that is no number',
  32: 'a hexadecimal bound of a bucket',
  33: 'a hexadecimal quantile',
  36: 'an escape other than these in a quoted name',
  38: 'the same in a description',
  43: 'a negative count of a histogram',
  44: 'a negative bucket',
  45: 'a negative count, with a fraction',
  46: 'a negative bucket, with a fraction',
};

const server = conformance('exposition/prometheus-textparse-cases.json');
const common = conformance('exposition/prometheus-common-textparse-cases.json');
const casesOf = <T>(file: string | undefined): T[] =>
  file ? (JSON.parse(readFileSync(file, 'utf8')) as { cases: T[] }).cases : [];
const bytes = (input: Input): Buffer => (typeof input === 'string' ? Buffer.from(input) : Buffer.from(input.base64, 'base64'));
const number = (value: unknown): number =>
  value === '+Inf' ? Number.POSITIVE_INFINITY : value === '-Inf' ? Number.NEGATIVE_INFINITY : Number(value);

describe.skipIf(server === undefined)('prometheus/prometheus (needs ../shared/conformance)', () => {
  const cases = casesOf<ServerCase>(server);
  const named = cases.map((one) => [`${one.test} ${one.case ?? one.name ?? ''}`, one] as const);

  test.each(named)('%s', (_name, { format, input, valid }) => {
    const parse = (): unknown => read(bytes(input), { openMetrics: format === 'openmetrics-text' });
    if (valid) expect(parse).not.toThrow();
    else expect(parse).toThrow(/^line \d+: /);
  });

  test.each(named.filter(([, one]) => one.expected !== undefined))('%s: every value', (_name, one) => {
    const openMetrics = one.format === 'openmetrics-text';
    const reading = read(bytes(one.input), { openMetrics });
    const { page } = reading;
    const starts = startTimes(page, reading.values);
    // The server was asked to hide the series that say when another began, and keeps both of two equal lines.
    const hidden = (sample: Sample): boolean =>
      openMetrics && sample.name.endsWith('_created') && sample.kind !== 'gauge' && sample.kind !== 'unknown';
    const rows = samplesOf(reading).map((sample, row) => ({ ...sample, row }));
    const expected = (one.expected as ServerEntry[]).filter((entry) => entry.labels !== undefined);
    const seen = new Set<number>();
    for (const entry of expected) {
      const { __name__: name, ...labels } = Object.fromEntries(entry.labels as [string, string][]);
      const timestamp = entry.timestamp_ms;
      const row = rows.find(
        (sample) =>
          sample.name === name &&
          same(sample.labels, labels) &&
          Object.is(sample.value, number(entry.value ?? 0)) &&
          ms(sample) === timestamp,
      );
      expect(row, entry.series_or_family).toBeDefined();
      seen.add(row?.row as number);
      if (entry.start_timestamp_ms)
        expect(Math.trunc((starts?.[row?.row as number] as number) * 1000)).toBe(entry.start_timestamp_ms);
      if (entry.exemplars) {
        const found = reading.exemplars.filter((exemplar) => exemplar.row === row?.row);
        expect(found.map(({ labels: own, value }) => ({ labels: own, value }))).toEqual(
          entry.exemplars.map(({ labels: own, value }) => ({
            labels: Array.isArray(own) ? Object.fromEntries(own) : own,
            value,
          })),
        );
      }
    }
    expect(rows.filter((sample) => !seen.has(sample.row) && !hidden(sample))).toEqual([]);
    for (const { series_or_family: family, help, type, unit } of one.expected as ServerEntry[]) {
      const described = page.families.find((candidate) => candidate.name === family);
      if (help !== undefined) expect(described?.help).toBe(help);
      if (type !== undefined) expect(described?.type).toBe(type);
      if (unit) expect(described?.unit).toBe(unit);
    }
  });
});

const ms = ({ timestamp }: Sample): number | undefined => (timestamp === undefined ? undefined : Math.trunc(timestamp * 1000));
const sortedPairs = (labels: object): string =>
  Object.entries(labels)
    .map((pair) => JSON.stringify(pair))
    .toSorted()
    .join();
const same = (a: object, b: object): boolean => sortedPairs(a) === sortedPairs(b);

describe.skipIf(common === undefined)('prometheus/common (needs ../shared/conformance)', () => {
  const cases = casesOf<CommonCase>(common);
  const named = cases.map((one) => [`${one.test} ${one.case}`, one] as const);

  test.each(named)('%s', (_name, one) => {
    const valid = one.valid ?? one.valid_with_utf8_names ?? false;
    const lenient = (): unknown => read(bytes(one.input));
    const strict = (): unknown => read(bytes(one.input), { strict: true });
    if (valid || one.case in DIFFERENCES) expect(lenient).not.toThrow();
    else expect(lenient).toThrow(/^line \d+: /);
    // One of its good pages ends in blanks without a newline, which is no line.
    if (valid) expect(strict).not.toThrow();
    else expect(strict).toThrow(/^line \d+: /);
  });

  test.each(named.filter(([, one]) => one.expected_families !== undefined))('%s: every family', (_name, one) => {
    const reading = read(bytes(one.input));
    const rows = samplesOf(reading);
    const flat = (one.expected_families as CommonFamily[]).flatMap(flatten);
    const key = ({ name, labels, value, timestamp }: Partial<Sample>): string =>
      JSON.stringify([name, sortedPairs(labels ?? {}), String(value), timestamp ?? null]);
    // common merges the timestamps of one summary or histogram, so that they are compared for the others alone.
    const known = new Set(rows.flatMap((row) => [key(row), key({ ...row, timestamp: undefined as never })]));
    for (const sample of flat) expect(known, JSON.stringify(sample)).toContain(key(sample));
    expect(rows.length).toBeGreaterThanOrEqual(flat.length);
    for (const { Name, Help, Type } of one.expected_families as CommonFamily[]) {
      const described = reading.page.families.find(({ name }) => name === Name);
      // The server and the format's description know no \" in a help text, common does.
      if (Help !== undefined) expect(described?.help?.replaceAll('\\"', '"')).toBe(Help);
      if (Type !== 'UNTYPED') expect(described?.type).toBe(Type.toLowerCase().replace('_', ''));
    }
  });
});

/** The samples of a family as lines of text have them; counts and sums that a line gave are told from those that none gave by their members. */
function flatten({ Name, Metric }: CommonFamily): Partial<Sample>[] {
  return Metric.flatMap((metric) => {
    const labels = Object.fromEntries(
      ((metric['Label'] as { Name: string; Value: string }[]) ?? []).map(({ Name: name, Value }) => [name, Value]),
    );
    const stamp = metric['TimestampMs'] as number | undefined;
    for (const kind of ['Untyped', 'Counter', 'Gauge']) {
      const plain = metric[kind] as { Value: unknown } | undefined;
      if (plain)
        return [{ name: Name, labels, value: number(plain.Value), ...(stamp === undefined ? {} : { timestamp: stamp / 1000 }) }];
    }
    const merged = (metric['Summary'] ?? metric['Histogram']) as Record<string, unknown>;
    const found: Partial<Sample>[] = [];
    const count = merged['SampleCountFloat'] ?? merged['SampleCount'];
    if (count !== undefined) found.push({ name: `${Name}_count`, labels, value: number(count) });
    if (merged['SampleSum'] !== undefined) found.push({ name: `${Name}_sum`, labels, value: number(merged['SampleSum']) });
    return found;
  });
}

const dumps = conformance('exposition/dumps/algod-nodekit-sample.txt');

describe.skipIf(dumps === undefined)('real pages (needs ../shared/conformance)', () => {
  const folder = dirname(dumps ?? '.');
  const files = dumps === undefined ? [] : readdirSync(folder);

  test.each(files)('%s is read whole, and re-emitting it gives the same samples', (name) => {
    const raw = readFileSync(join(folder, name));
    const text = name.endsWith('.gz') ? gunzipSync(raw) : raw;
    const reading = read(text);
    const lines = text
      .toString('utf8')
      .split('\n')
      .filter((line) => line.trim() !== '' && !line.startsWith('#'));
    expect(reading.page.items, basename(name)).toBe(lines.length);
    expect(reading.page.repeated).toBe(0);
    // The last field of each line is its value or timestamp: nothing is lost of either.
    const floor = lines.map((line) => line.replace(/^[^{ ]*(\{.*\})?\s*/, '').split(/\s+/));
    samplesOf(reading).forEach((sample, i) => {
      expect(sample.value).toBe(number((floor[i] as string[])[0]));
      expect(ms(sample)).toBe((floor[i] as string[])[1] === undefined ? undefined : Number((floor[i] as string[])[1]));
    });
    const again = read(emit(reading));
    expect(samplesOf(again)).toEqual(samplesOf(reading));
    expect(again.page.families).toEqual(expect.arrayContaining(reading.page.families as unknown[]));
  });
});
