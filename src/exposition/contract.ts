/** What a reader of pages asks of others: what to keep of a page, and which rules it has to follow. */
import type { MetaLine } from './families.ts';
import type { Exemplar } from './tail.ts';

/** What is to become of the series of a page: decided when one is first seen. */
export interface Policy {
  /** Whether all series of a name are kept, or none; undefined when that depends on their labels. */
  keeps(name: string): boolean | undefined;
  /** Whether a series is kept. May change its labels, by what they are alone; throws when the page may not be taken. */
  shape(name: string, keys: string[], texts: string[]): boolean;
  /** Told of the number of rows so far; throws when there are too many. */
  count(rows: number): void;
}

/** Sees every line of a page in its order, and throws where a rule is broken. */
export interface Rules {
  meta(line: MetaLine): void;
  sample(sample: RuleSample): void;
  end(complete: boolean): void;
}

export interface RuleSample {
  readonly name: string;
  /** Names and values of the labels, each at the same place. */
  readonly keys: readonly string[];
  readonly texts: readonly string[];
  readonly value: number;
  /** Unix time in seconds, or NaN. */
  readonly timestamp: number;
  readonly exemplar: Exemplar | undefined;
}
