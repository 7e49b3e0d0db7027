/** Protobuf pages: what text can say too is the same samples; native histograms are tables of their own. */
import { describe, expect, test } from 'vitest';
import { MetricFamilyType } from '../../src/scrape/protobuf-types.ts';
import { page, scrape, serve, targetAt } from './support.ts';

const PROTOBUF = {
  'content-type': 'application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited',
};
const bytesOf = (...families: object[]): Buffer =>
  Buffer.concat(
    families.map((family) => Buffer.from(MetricFamilyType.encodeDelimited(MetricFamilyType.fromObject(family)).finish())),
  );

const CLASSIC = bytesOf(
  {
    name: 'requests_total',
    help: 'Requests, "all" of them \\ here.',
    type: 0,
    metric: [
      {
        label: [{ name: 'code', value: '2"00' }],
        counter: {
          value: 12.5,
          exemplar: { label: [{ name: 'trace', value: 't' }], value: 1, timestamp: { seconds: 5, nanos: 250_000_000 } },
          createdTimestamp: { seconds: 1000 },
        },
      },
    ],
  },
  { name: 'a.b', type: 1, metric: [{ label: [{ name: 'x.y', value: 'z' }], gauge: { value: -1 }, timestampMs: 1500 }] },
  { name: 'plain', type: 3, metric: [{ untyped: { value: Number.NaN } }] },
  { name: 's', type: 2, metric: [{ summary: { sampleCount: 3, sampleSum: 6, quantile: [{ quantile: 0.5, value: 2 }] } }] },
  {
    name: 'h',
    type: 4,
    metric: [
      {
        histogram: {
          sampleCount: 3,
          sampleSum: 4.5,
          bucket: [
            { cumulativeCount: 1, upperBound: 1 },
            { cumulativeCount: 2, upperBound: 2.5 },
          ],
        },
      },
    ],
  },
);

/** An example of https://prometheus.io/docs/specs/native_histograms/: schema 0, spans with a gap, differences. */
const NATIVE = bytesOf({
  name: 'n',
  type: 4,
  metric: [
    {
      label: [{ name: 'a', value: 'b' }],
      histogram: {
        sampleCount: 12,
        sampleSum: 18.4,
        schema: 0,
        zeroThreshold: 0.001,
        zeroCount: 2,
        positiveSpan: [
          { offset: 0, length: 2 },
          { offset: 1, length: 2 },
        ],
        positiveDelta: [1, 1, -1, 0],
        negativeSpan: [{ offset: -1, length: 2 }],
        negativeDelta: [2, -1],
        createdTimestamp: { seconds: 7 },
        bucket: [{ cumulativeCount: 12, upperBound: Number.POSITIVE_INFINITY }],
      },
    },
  ],
});

describe('a protobuf page', () => {
  test('has the samples of text', async () => {
    const { origin } = await serve(page(CLASSIC, PROTOBUF));
    const { plain, report } = await scrape(await targetAt(origin, { protobuf: true, start_times: true }));
    expect(report).toMatchObject({ up: 1, reason: '' });
    const rows = plain.find(({ type }) => type === 'prometheus.sample')?.rows;
    expect(rows).toEqual([
      { name: 'requests_total', labels: { code: '2"00' }, kind: 'counter', value: 12.5, start_time: 1000 },
      { name: 'a.b', labels: { 'x.y': 'z' }, kind: 'gauge', value: -1, timestamp: 1.5 },
      { name: 'plain', labels: {}, kind: 'unknown', value: Number.NaN },
      { name: 's', labels: { quantile: '0.5' }, kind: 'summary', value: 2 },
      { name: 's_sum', labels: {}, kind: 'summary', value: 6 },
      { name: 's_count', labels: {}, kind: 'summary', value: 3 },
      { name: 'h_bucket', labels: { le: '1.0' }, kind: 'histogram', value: 1 },
      { name: 'h_bucket', labels: { le: '2.5' }, kind: 'histogram', value: 2 },
      { name: 'h_bucket', labels: { le: '+Inf' }, kind: 'histogram', value: 3 },
      { name: 'h_sum', labels: {}, kind: 'histogram', value: 4.5 },
      { name: 'h_count', labels: {}, kind: 'histogram', value: 3 },
    ]);
    expect(plain.find(({ type }) => type === 'prometheus.exemplar')?.rows).toEqual([
      { name: 'requests_total', labels: { code: '2"00' }, exemplar: { trace: 't' }, value: 1, timestamp: 5.25 },
    ]);
    expect(plain.find(({ type }) => type === 'prometheus.metadata')?.rows[0]).toMatchObject({
      name: 'requests',
      help: 'Requests, "all" of them \\ here.',
    });
  });

  test('has native histograms', async () => {
    const { origin } = await serve(page(NATIVE, PROTOBUF));
    const { plain, report } = await scrape(await targetAt(origin, { protobuf: true, sample_limit: 1 }));
    expect(report).toMatchObject({ up: 1, scrape_samples_scraped: 1 });
    expect(plain.find(({ type }) => type === 'prometheus.histogram')?.rows).toEqual([
      {
        name: 'n',
        labels: { a: 'b' },
        kind: 'histogram',
        count: 12,
        sum: 18.4,
        schema: 0,
        zero_threshold: 0.001,
        zero_count: 2,
        start_time: 7,
      },
    ]);
    const buckets = plain.find(({ type }) => type === 'prometheus.histogram.bucket')?.rows;
    expect(buckets?.map(({ sign, index, count, lower, upper }) => [sign, index, count, lower, upper])).toEqual([
      ['-', '-1', 2, 0.25, 0.5],
      ['-', '0', 1, 0.5, 1],
      ['+', '0', 1, 0.5, 1],
      ['+', '1', 2, 1, 2],
      ['+', '3', 1, 4, 8],
      ['+', '4', 1, 8, 16],
    ]);
  });

  test('that no longer has a native histogram says so once, as one that does not answer does', async () => {
    const stale = { name: 'n', labels: { a: 'b' }, kind: 'histogram', stale: 1 };
    const staleIn = ({ plain }: Awaited<ReturnType<typeof scrape>>) =>
      plain.filter(({ type }) => type === 'prometheus.stale').flatMap(({ rows }) => rows);
    let [body, status] = [NATIVE, 200];
    const { origin } = await serve((_request, response) => void response.writeHead(status, PROTOBUF).end(body));
    const target = await targetAt(origin, { protobuf: true });
    const first = await scrape(target);
    expect(first.report['scrape_series_added']).toBe(1);
    expect(staleIn(first)).toEqual([]);
    expect((await scrape(target)).report['scrape_series_added']).toBe(0);
    body = bytesOf({ name: 'other', type: 1, metric: [{ gauge: { value: 1 } }] });
    expect(staleIn(await scrape(target))).toEqual([stale]);
    expect(staleIn(await scrape(target))).toEqual([]);
    body = NATIVE;
    await scrape(target);
    status = 500;
    expect(staleIn(await scrape(target))).toEqual([stale]);
    expect(staleIn(await scrape(target))).toEqual([]);
    status = 200;
    expect((await scrape(target)).report['scrape_series_added']).toBe(1);
    expect(target.leave().map((table) => table.schema.type)).toEqual(['prometheus.stale']);
  });

  test("that drops some by the operator's choice has none of them", async () => {
    const { origin } = await serve(page(NATIVE, PROTOBUF));
    const { plain } = await scrape(await targetAt(origin, { protobuf: true, drop: ['n'] }));
    expect(plain.map(({ type }) => type)).toEqual(['prometheus.scrape', 'prometheus.metadata']);
  });

  test.each([
    ['is cut off', CLASSIC.subarray(0, CLASSIC.length - 3)],
    ['is no protobuf', Buffer.from('# TYPE a counter\n')],
    ['claims a length that it has not', Buffer.from([0xff, 0xff, 0xff, 0x7f, 1])],
    [
      'claims buckets that it has not',
      bytesOf({
        name: 'n',
        type: 4,
        metric: [{ histogram: { zeroThreshold: 1, positiveSpan: [{ offset: 0, length: 4_000_000_000 }], positiveDelta: [1] } }],
      }),
    ],
  ])('that %s is refused', async (_what, bytes) => {
    const { origin } = await serve(page(bytes, PROTOBUF));
    const { report } = await scrape(await targetAt(origin, { protobuf: true }));
    expect(report).toMatchObject({
      up: 0,
      reason: expect.stringMatching(/protobuf message \d+ cannot be read|more buckets than/),
    });
  });

  test('that was cut at any byte is refused or shorter, and nothing worse', async () => {
    let cut = 0;
    const { origin } = await serve((_request, response) => void response.writeHead(200, PROTOBUF).end(CLASSIC.subarray(0, cut)));
    const target = await targetAt(origin, { protobuf: true });
    let whole = 0;
    for (cut = 0; cut < CLASSIC.length; cut++) whole += (await scrape(target)).report['up'] as number;
    // Where a family ends, a page may end.
    expect(whole).toBe(5);
  });
});
