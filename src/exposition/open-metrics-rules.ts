/**
 * What OpenMetrics 1.0 demands of a page beyond its grammar: of its families, their order, their names and their values.
 * https://github.com/prometheus/OpenMetrics/blob/v1.0.0/specification/OpenMetrics.md, and where that is silent, its test suite.
 *
 * A family is what stands between the first line that names it and the first that belongs to another. Within it, a group is the samples of
 * one label set (without `le`, `quantile` and the label of a state set), and a point those of one timestamp.
 */
import { broken } from './broken.ts';
import type { RuleSample, Rules } from './builder.ts';
import { type MetaLine, type MetaWord, type MetricType, SUFFIXES } from './families.ts';
import { HistogramPoint } from './histogram-point.ts';
import { numberOf } from './number.ts';

/** Names and values of an exemplar's labels together have so many code points at most. */
const EXEMPLAR_MAX = 128;
/** Suffixes of values that count something. */
const COUNTING = new Set(['_total', '_sum', '_count', '_bucket', '_gcount']);
const WHOLE = new Set(['_bucket', '_count', '_gcount']);

/** Suffixes that a family's samples may have; a gauge histogram has others than in the text format. */
const suffixesOf = (type: MetricType): readonly string[] => {
  if (type === 'gaugehistogram') return ['_bucket', '_gcount', '_gsum'];
  return type === 'summary' ? ['', ...SUFFIXES.summary] : SUFFIXES[type].length > 0 ? SUFFIXES[type] : [''];
};

interface OpenFamily {
  readonly name: string;
  readonly said: Set<MetaWord>;
  type: MetricType;
  unit: string;
  names: readonly string[];
  samples: number;
  /** Label sets that were there. */
  readonly groups: Set<string>;
  group: string | undefined;
  timestamp: number;
  /** Of a histogram: the point in work, and the series of its label set so far. */
  point: HistogramPoint | undefined;
  readonly series: Set<string>;
}

const openFamily = (name: string): OpenFamily => ({
  name,
  said: new Set(),
  type: 'unknown',
  unit: '',
  names: [name],
  samples: 0,
  groups: new Set(),
  group: undefined,
  timestamp: Number.NaN,
  point: undefined,
  series: new Set(),
});

export class OpenMetricsRules implements Rules {
  /** Every name that a sample of a family so far could have. */
  readonly #taken = new Set<string>();
  #family: OpenFamily | undefined;

  meta({ word, name, text }: MetaLine): void {
    let family = this.#family;
    if (family?.name !== name) {
      this.#close();
      family = openFamily(name);
      this.#family = family;
    } else if (family.samples > 0) broken(`${word} stands behind samples of its metric`);
    if (family.said.has(word)) broken(`the metric has a second ${word}`);
    family.said.add(word);
    if (word === 'TYPE') {
      family.type = text as MetricType;
      family.names = suffixesOf(family.type).map((suffix) => name + suffix);
    }
    if (word === 'UNIT') family.unit = text;
  }

  sample(sample: RuleSample): void {
    let family = this.#family;
    if (!family?.names.includes(sample.name)) {
      this.#close();
      family = openFamily(sample.name);
      this.#family = family;
    }
    family.samples++;
    checkLabels(family, sample);
    this.#order(family, sample);
    checkValue(family, sample);
    checkExemplar(family, sample);
  }

  end(): void {
    this.#close();
  }

  /** Ends the family: nothing of it may come later. */
  #close(): void {
    const family = this.#family;
    if (family === undefined) return;
    family.point?.end();
    for (const name of new Set([family.name, ...suffixesOf(family.type).map((suffix) => family.name + suffix)])) {
      if (this.#taken.has(name)) broken(`samples called ${name} belong to two metrics, or to one that is in two places`);
      this.#taken.add(name);
    }
    if (family.unit !== '' && (family.type === 'info' || family.type === 'stateset'))
      broken(`a metric of type ${family.type} has a unit`);
  }

  /** Groups are in one piece each, and time does not go back in them. */
  #order(family: OpenFamily, sample: RuleSample): void {
    const group = groupOf(family, sample);
    const { timestamp } = sample;
    const same = group === family.group;
    if (!same && family.groups.has(group)) broken('samples of one label set are in two places');
    if (same && Number.isNaN(timestamp) !== Number.isNaN(family.timestamp))
      broken('some samples of a label set have a timestamp, others not');
    if (same && timestamp < family.timestamp && family.type !== 'info') broken('the timestamps of a label set go back');
    if (family.type === 'histogram' || family.type === 'gaugehistogram') addToPoint(family, sample, same);
    family.groups.add(group);
    family.group = group;
    family.timestamp = timestamp;
  }
}

/** Gives a sample to its point. A series that is there twice at one time says nothing new: two times may be one when they are rounded. */
function addToPoint(family: OpenFamily, sample: RuleSample, sameGroup: boolean): void {
  const sameTime = Object.is(sample.timestamp, family.timestamp);
  if (!sameGroup || !sameTime) {
    family.point?.end();
    family.point = new HistogramPoint();
  }
  if (!sameGroup) family.series.clear();
  const series = `${sample.name} ${sample.texts[sample.keys.indexOf('le')] ?? ''}`;
  if (!sameGroup || !sameTime || !family.series.has(series)) family.point?.add(sample.name.slice(family.name.length), sample);
  family.series.add(series);
}

function labelOf({ keys, texts }: RuleSample, name: string): string | undefined {
  const at = keys.indexOf(name);
  return at < 0 ? undefined : texts[at];
}

function checkLabels({ name, type }: OpenFamily, sample: RuleSample): void {
  if (type === 'stateset' && labelOf(sample, name) === undefined) broken(`a state needs the label ${name}`);
  if (type === 'summary' && sample.name === name) {
    const quantile = numberOf(labelOf(sample, 'quantile') ?? '');
    if (quantile === undefined || !(quantile >= 0 && quantile <= 1))
      broken('a quantile needs the label "quantile" with a number from 0 to 1');
  }
  if ((type === 'histogram' || type === 'gaugehistogram') && sample.name === `${name}_bucket`) {
    const le = labelOf(sample, 'le') ?? '';
    const bound = numberOf(le);
    if (bound === undefined || Number.isNaN(bound)) broken('a bucket needs the label "le" with a number');
    if (bound === Number.POSITIVE_INFINITY && le !== '+Inf') broken('the last bucket is written le="+Inf"');
  }
}

function checkValue({ name, type }: OpenFamily, sample: RuleSample): void {
  const { value } = sample;
  const suffix = sample.name.slice(name.length);
  if (type === 'stateset' && value !== 0 && value !== 1) broken('a state is 0 or 1');
  if (type === 'info' && value !== 1) broken('an info is 1');
  if (type === 'summary' && suffix === '' && value < 0) broken('a quantile is not negative');
  if ((COUNTING.has(suffix) || suffix === '_gsum') && Number.isNaN(value)) broken('what counts something is not NaN');
  if (COUNTING.has(suffix) && value < 0) broken('what counts something is not negative');
  if (WHOLE.has(suffix) && !Number.isInteger(value)) broken('a number of observations is whole');
}

function checkExemplar({ name, type }: OpenFamily, sample: RuleSample): void {
  const { exemplar } = sample;
  if (exemplar === undefined) return;
  const suffix = sample.name.slice(name.length);
  const bucket = (type === 'histogram' || type === 'gaugehistogram') && suffix === '_bucket';
  if (!bucket && !(type === 'counter' && suffix === '_total')) broken('only counters and buckets have exemplars');
  let points = 0;
  for (const [key, text] of Object.entries(exemplar.labels)) points += codePoints(key) + codePoints(text);
  if (points > EXEMPLAR_MAX) broken(`the labels of an exemplar have ${points} characters, more than ${EXEMPLAR_MAX}`);
}

function codePoints(text: string): number {
  let count = 0;
  for (const _point of text) count++;
  return count;
}

/** What samples of one group have in common, as a key. */
function groupOf({ name, type }: OpenFamily, sample: RuleSample): string {
  if (type === 'info') return '';
  let own: string | undefined;
  if (type === 'stateset') own = name;
  else if (type === 'summary' && sample.name === name) own = 'quantile';
  else if (sample.name === `${name}_bucket` && (type === 'histogram' || type === 'gaugehistogram')) own = 'le';
  const pairs: string[] = [];
  sample.keys.forEach((key, i) => {
    if (key !== own) pairs.push(JSON.stringify([key, sample.texts[i]]));
  });
  return pairs.toSorted().join();
}
