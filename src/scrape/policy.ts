/**
 * What becomes of the series of a page, decided when one is first seen: kept or dropped, with which labels, and whether the page may be
 * taken at all. Later scrapes find the decision with the series.
 */
import { ExpositionError } from '../exposition/ascii.ts';
import type { Policy } from '../exposition/builder.ts';
import type { ScrapeOptions, Selector } from './options.ts';

export type PolicyOptions = Pick<
  ScrapeOptions,
  | 'keep'
  | 'drop'
  | 'rename_labels'
  | 'honor_labels'
  | 'max_series'
  | 'label_limit'
  | 'label_name_length_limit'
  | 'label_value_length_limit'
>;

const EXPORTED = 'exported_';
/** Verdicts over names that are remembered. */
const NAMES_MAX = 100_000;

type Test = (name: string, keys: readonly string[], texts: readonly string[]) => boolean;

export class SeriesPolicy implements Policy {
  readonly #options: PolicyOptions;
  /** Names of the labels that the target has. */
  readonly #own: ReadonlySet<string>;
  readonly #keep: Choice | undefined;
  readonly #drop: Choice;
  readonly #renames: ReadonlyMap<string, string>;

  constructor(options: PolicyOptions, targetLabels: readonly string[]) {
    this.#options = options;
    this.#own = new Set(targetLabels);
    this.#keep = options.keep && new Choice(options.keep);
    this.#drop = new Choice(options.drop);
    this.#renames = new Map(Object.entries(options.rename_labels));
  }

  shape(name: string, keys: string[], texts: string[]): boolean {
    if (this.#keep && !this.#keep.has(name, keys, texts)) return false;
    if (this.#drop.has(name, keys, texts)) return false;
    if (this.#own.size > 0 && !this.#options.honor_labels) this.#export(keys);
    if (this.#renames.size > 0) this.#rename(keys, texts);
    this.#limit(keys, texts);
    return true;
  }

  count(rows: number): void {
    const { max_series: most } = this.#options;
    if (rows > most) refuse(`the page has more than max_series, ${most} series: raise it, or drop some of them`);
  }

  /** A label of the page that its target has too gets another name. */
  #export(keys: string[]): void {
    for (let i = 0; i < keys.length; i++) {
      let key = keys[i] as string;
      if (!this.#own.has(key)) continue;
      do key = EXPORTED + key;
      while (keys.includes(key) || this.#own.has(key));
      keys[i] = key;
    }
  }

  /** A label that is renamed takes the place of one that had the name. */
  #rename(keys: string[], texts: string[]): void {
    for (const [from, to] of this.#renames) {
      const at = keys.indexOf(from);
      if (at < 0) continue;
      const taken = to === from ? -1 : keys.indexOf(to);
      keys[at] = to;
      for (const gone of [...(to === '' ? [at] : []), ...(taken >= 0 ? [taken] : [])]) {
        keys.splice(gone, 1);
        texts.splice(gone, 1);
      }
    }
  }

  #limit(keys: readonly string[], texts: readonly string[]): void {
    const { label_limit: labels, label_name_length_limit: nameLength, label_value_length_limit: valueLength } = this.#options;
    if (labels > 0) {
      const count = keys.reduce((sum, key) => (this.#own.has(key) ? sum : sum + 1), this.#own.size + 1);
      if (count > labels) refuse(`the series has ${count} labels, more than label_limit, ${labels}`);
    }
    for (let i = 0; i < keys.length && nameLength + valueLength > 0; i++) {
      if (nameLength > 0 && Buffer.byteLength(keys[i] as string) > nameLength) {
        refuse(
          `the name of the label ${JSON.stringify(keys[i]?.slice(0, 40))} is longer than label_name_length_limit, ${nameLength} bytes`,
        );
      }
      if (valueLength > 0 && Buffer.byteLength(texts[i] as string) > valueLength) {
        refuse(
          `the value of the label ${JSON.stringify(keys[i]?.slice(0, 40))} is longer than label_value_length_limit, ${valueLength} bytes`,
        );
      }
    }
  }
}

function refuse(why: string): never {
  throw new ExpositionError(why, 0, '');
}

/** Whether one of some selectors matches. What depends on the name alone is asked once for each name. */
class Choice {
  readonly #names: ((name: string) => boolean)[] = [];
  readonly #labelled: Test[] = [];
  readonly #known = new Map<string, boolean>();

  constructor(selectors: readonly Selector[]) {
    for (const selector of selectors) {
      if (typeof selector === 'function') this.#names.push(selector);
      else if (Object.keys(selector.labels).length === 0) this.#names.push(selector.name ?? (() => true));
      else this.#labelled.push(labelTest(selector));
    }
  }

  has(name: string, keys: readonly string[], texts: readonly string[]): boolean {
    return this.#byName(name) || this.#labelled.some((test) => test(name, keys, texts));
  }

  #byName(name: string): boolean {
    if (this.#names.length === 0) return false;
    const known = this.#known.get(name);
    if (known !== undefined) return known;
    const verdict = this.#names.some((matches) => matches(name));
    if (this.#known.size >= NAMES_MAX) this.#known.clear();
    this.#known.set(name, verdict);
    return verdict;
  }
}

function labelTest(selector: Exclude<Selector, (name: string) => boolean>): Test {
  const labels = Object.entries(selector.labels);
  return (name, keys, texts) =>
    (selector.name === undefined || selector.name(name)) &&
    labels.every(([key, matches]) => {
      const at = keys.indexOf(key);
      return matches(at < 0 ? '' : (texts[at] as string));
    });
}
