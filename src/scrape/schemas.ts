/** The tables that scraping yields. Their types begin with a prefix of the operator's choice. */
import { counter, defineSchema, gauge, updowncounter } from '../event.ts';

const identity = ['name', 'labels', 'kind'] as const;
const value = gauge('1', 'The number of the sample, in the unit that its name or its metadata says.');
const timestamp = gauge('s', 'The time that the page gives the sample, in Unix time. Absent where it gives none.');
const startTime = gauge(
  's',
  'When the series began to count, in Unix time, as the page says in `_created`. Absent where it does not.',
);

/** The schemas of samples, and of what is said of them. */
function sampleSchemas(prefix: string) {
  const sampled = <const F extends Record<string, typeof value>>(fields: F) =>
    defineSchema({
      type: `${prefix}.sample`,
      doc: 'The samples of a page, one row for each series. `labels` is a map; those of the target are labels of the event.',
      attributes: identity,
      maps: ['labels'],
      fields,
    });
  return {
    sample: sampled({ value }),
    timedSample: sampled({ value, timestamp }),
    startedSample: sampled({ value, start_time: startTime }),
    timedStartedSample: sampled({ value, timestamp, start_time: startTime }),
    stale: defineSchema({
      type: `${prefix}.stale`,
      doc: 'Series that a scrape before had and this one has not; after a failed scrape, or when the target is none any more, all of them.',
      attributes: identity,
      maps: ['labels'],
      fields: { stale: gauge('1', '1: nothing is known of the series from now on.') },
    }),
    metadata: defineSchema({
      type: `${prefix}.metadata`,
      doc: 'What a page says of its metrics: at the first scrape, when it changes, and from time to time.',
      attributes: ['name', 'kind', 'unit', 'help'],
      fields: {},
    }),
    exemplar: defineSchema({
      type: `${prefix}.exemplar`,
      doc: 'Exemplars: single events behind a count. `exemplar` is the map of its own labels.',
      attributes: ['name', 'labels', 'exemplar'],
      maps: ['labels', 'exemplar'],
      fields: {
        value: gauge('1', 'The value of the event.'),
        timestamp: gauge('s', 'When it happened, in Unix time. Absent where the page does not say.'),
      },
    }),
  };
}

/** The schemas of scrapes and targets. */
const scrapeSchemas = (prefix: string) => ({
  scrape: defineSchema({
    type: `${prefix}.scrape`,
    doc: 'How a scrape of a target went. `reason` says what is wrong with the target or its page, and is empty when nothing is.',
    attributes: ['target', 'reason'],
    fields: {
      up: gauge('1', '1 when the page was fetched and read, 0 when not.'),
      scrape_duration_seconds: gauge('s', 'Time that it took to fetch and read the page.'),
      scrape_samples_scraped: gauge('{sample}', 'Samples on the page.'),
      scrape_samples_post_metric_relabeling: gauge('{sample}', 'Samples that were kept, those that repeat a series included.'),
      scrape_series_added: gauge('{series}', 'Series that the scrape before did not have.'),
      scrape_body_size_bytes: gauge('By', 'Size of the page, uncompressed; -1 when it reached the limit.'),
      scrape_timeout_seconds: gauge('s', 'Time that the scrape could take.'),
      scrape_sample_limit: gauge('{sample}', 'Samples that the page may have; absent when there is no limit.'),
    },
  }),
  targets: defineSchema({
    type: `${prefix}.targets`,
    doc: 'The targets of the sensor. `reason` says what is wrong with finding them, and is empty when nothing is.',
    attributes: ['reason'],
    fields: {
      count: updowncounter('{target}', 'Targets.'),
      failing: updowncounter('{target}', 'Targets with which something is wrong.'),
      refused: updowncounter('{target}', 'Targets that are not scraped because there are more than `target_limit`.'),
    },
  }),
});

/** The schemas of native histograms. */
const histogramSchemas = (prefix: string) => ({
  histogram: defineSchema({
    type: `${prefix}.histogram`,
    doc: 'Native histograms.',
    attributes: identity,
    maps: ['labels'],
    fields: {
      count: counter('{observation}', 'Observations.'),
      sum: updowncounter('1', 'Sum of what was observed.'),
      schema: gauge('1', 'The resolution: bounds grow by 2^(2^-schema).'),
      zero_threshold: gauge('1', 'Observations up to this are in the zero bucket.'),
      zero_count: counter('{observation}', 'Observations in the zero bucket.'),
      timestamp,
      start_time: gauge('s', 'When the histogram began to count, in Unix time. Absent where the page does not say.'),
    },
  }),
  bucket: defineSchema({
    type: `${prefix}.histogram.bucket`,
    doc: 'Buckets of native histograms that hold anything; `index` is that of the bucket in its schema, `sign` is + or -.',
    attributes: ['name', 'labels', 'sign', 'index'],
    maps: ['labels'],
    fields: {
      count: counter('{observation}', 'Observations in the bucket.'),
      lower: gauge('1', 'The bound nearer to zero, which is not in the bucket.'),
      upper: gauge('1', 'The bound farther from zero, which is.'),
    },
  }),
});

/** All schemas under one prefix. */
export const schemasOf = (prefix: string) => ({
  ...sampleSchemas(prefix),
  ...scrapeSchemas(prefix),
  ...histogramSchemas(prefix),
});

export type Schemas = ReturnType<typeof schemasOf>;
