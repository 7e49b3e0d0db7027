/**
 * What prometheus/common, the reference for the text format, demands beyond what the Prometheus server does: descriptions once and
 * before their samples, numbers in `le` and `quantile`, counts that are not negative, a newline at the end.
 */
import { broken } from './broken.ts';
import type { RuleSample, Rules } from './builder.ts';
import { type MetaLine, type MetricType, SUFFIXES } from './families.ts';
import { numberOf } from './number.ts';

export class TextRules implements Rules {
  readonly #types = new Map<string, MetricType>();
  readonly #helped = new Set<string>();
  /** Families that have samples, or by a suffix could have them. */
  readonly #sampled = new Set<string>();

  meta({ word, name, text }: MetaLine): void {
    if (word === 'HELP') {
      // One that says nothing is none.
      if (text === '') return;
      if (this.#helped.has(name)) broken(`the metric ${name} has a second HELP`);
      this.#helped.add(name);
      return;
    }
    if (this.#types.has(name)) broken(`the metric ${name} has a second TYPE`);
    if (this.#sampled.has(name)) broken(`TYPE stands behind samples of ${name}`);
    const type = text === 'untyped' ? 'unknown' : text === 'gauge_histogram' ? 'gaugehistogram' : text;
    this.#types.set(name, type as MetricType);
  }

  sample(sample: RuleSample): void {
    const family = this.#familyOf(sample.name);
    this.#sampled.add(family);
    const type = this.#types.get(family);
    const histogram = type === 'histogram' || type === 'gaugehistogram';
    if (type === 'summary') checkBound(sample, 'quantile');
    if (histogram) checkBound(sample, 'le');
    const suffix = sample.name.slice(family.length);
    if (histogram && (suffix === '_bucket' || suffix === '_count') && sample.value < 0) {
      broken(`a ${suffix.slice(1)} of the histogram ${family} is negative`);
    }
  }

  end(complete: boolean): void {
    if (!complete) broken('the last line does not end with a newline: the page may be cut off');
  }

  #familyOf(name: string): string {
    if (this.#types.has(name)) return name;
    const at = name.lastIndexOf('_');
    const base = name.slice(0, Math.max(0, at));
    const type = this.#types.get(base);
    return type !== undefined && SUFFIXES[type].includes(name.slice(at)) ? base : name;
  }
}

function checkBound({ keys, texts }: RuleSample, label: string): void {
  const at = keys.indexOf(label);
  if (at >= 0 && numberOf(texts[at] as string) === undefined) broken(`the label ${JSON.stringify(label)} is no number`);
}
