/**
 * Makes what is kept of each series of a page: its name, labels, kind, and the texts that it is made of. Series that the page before had are recognised by their bytes, blocks of
 * labels that this page had are guessed, and the rest is parsed.
 */
import { isUtf8 } from 'node:buffer';
import type { LabelMap } from '../event.ts';
import { errorAt, OPEN, placed } from './ascii.ts';
import { Blocks } from './blocks.ts';
import type { Policy, Rules } from './contract.ts';
import type { Families, MetricType } from './families.ts';
import { canonicalBound } from './number.ts';
import { type Page, rowOf } from './page.ts';
import { Places } from './places.ts';
import { Recogniser } from './recognise.ts';
import { UNRANKED } from './repeats.ts';
import type { Body, SeriesParser } from './series.ts';

export interface MakerOptions {
  readonly policy: Policy | undefined;
  readonly rules: Rules | undefined;
}

export class SeriesMaker {
  // Of the series made last.
  name = '';
  /** Undefined when it is not kept. */
  labels: LabelMap | undefined;
  kind: MetricType = 'unknown';
  /** The same for the same name and labels in any order. */
  hash = 0;
  /** As in `repeats.ts`. */
  rank = UNRANKED;
  /** Its labels as the page has them, for rules. */
  written: { readonly keys: readonly string[]; readonly texts: readonly string[] } = { keys: [], texts: [] };
  readonly places: Places;
  readonly #body: Buffer;
  readonly #length: number;
  readonly #options: MakerOptions;
  readonly #series: SeriesParser;
  readonly #families: Families;
  readonly #blocks: Blocks;
  readonly #before: Page | undefined;
  readonly #recogniser: Recogniser | undefined;
  /** Whether all of the body is valid UTF-8; otherwise each series is looked at. */
  readonly #valid: boolean;
  /** Where its name ends, and what of the hash is the name's; 0 when the name is among the labels. */
  #nameEnd = 0;
  #nameHash = 0;
  /** Its block among those of this page, and its item in the page before; -1 where there is none. */
  #known = -1;
  #item = -1;
  /** The name that `kind` was found for. */
  #kindName: string | undefined;

  constructor(
    series: SeriesParser,
    families: Families,
    { bytes, view, length }: Body,
    valid: boolean,
    before: Page | undefined,
    options: MakerOptions,
  ) {
    this.#body = bytes;
    this.#length = length;
    this.#options = options;
    this.#series = series;
    this.#families = families;
    this.#blocks = new Blocks(view);
    this.#before = before;
    this.places = new Places(bytes, before);
    this.#recogniser = before && new Recogniser(before, bytes, view, length);
    this.#valid = valid;
  }

  /** Makes the series at a byte, and returns where its text ends. Throws what is wrong with it. */
  make(at: number): number {
    return this.#recognise(at) ?? this.#parse(at);
  }

  /** What is said of metrics has changed. */
  described(): void {
    this.#kindName = undefined;
  }

  /** The text of all that stands before the series at a byte from `start` on, and its name. */
  head(start: number, at: number): number {
    return this.places.head(start, at, this.#nameEnd, this.#nameEnd > at ? this.name : '', this.#nameHash);
  }

  /** The text of the labels that end at a byte, up to the value. */
  block(end: number, valueAt: number): number {
    const places = this.places;
    const { texts } = this.#blocks;
    const from = this.#nameEnd;
    if (this.#item >= 0) return places.carry(this.#item, from, end, valueAt);
    const known = places.isUsual(end, valueAt) ? this.#known : -1;
    if (known >= 0 && (texts[known] as number) >= 0) return texts[known] as number;
    const text = places.block(from, end, valueAt, (this.hash - this.#nameHash) | 0);
    if (known >= 0) texts[known] = text;
    return text;
  }

  /** Takes name and labels from the page before, if that had a row for this series. Returns where its text ends. */
  #recognise(at: number): number | undefined {
    const [before, recogniser] = [this.#before, this.#recogniser];
    if (before === undefined || recogniser === undefined) return undefined;
    const item = recogniser.find(at);
    const row = item < 0 ? -1 : rowOf(before, item);
    if (row < 0) return undefined;
    const [names, labels, kinds] = before.layout.attributes as [string[], LabelMap[], string[]];
    this.name = names[row] as string;
    this.#resolve(this.name);
    // The bounds of buckets are written as Prometheus does where the kind is known: another kind, other labels.
    if (kinds[row] !== this.kind) return undefined;
    this.labels = labels[row];
    const { texts, heads, blocks } = before;
    this.#nameEnd = at + recogniser.nameSize(item);
    this.#nameHash = texts.hashes[heads[item] as number] as number;
    this.hash = (this.#nameHash + (texts.hashes[blocks[item] as number] as number)) | 0;
    this.rank = UNRANKED;
    this.#known = -1;
    this.#item = item;
    return this.#nameEnd + recogniser.labelsSize(item);
  }

  #parse(at: number): number {
    const series = this.#series;
    const blocks = this.#blocks;
    this.#known = -1;
    this.#item = -1;
    const nameEnd = series.parseName(at);
    this.#nameEnd = Math.max(nameEnd, at);
    this.#nameHash = nameEnd < 0 ? 0 : series.hash;
    if (nameEnd < 0) return this.#made(at, series.parse(at));
    this.name = series.name;
    this.#resolve(this.name);
    const { rules, policy } = this.#options;
    const whole =
      rules === undefined && this.#body[nameEnd] === OPEN && (policy === undefined || policy.keeps(this.name) === true);
    const group = this.kind === 'histogram' ? 1 : this.kind === 'summary' ? 2 : 0;
    const size = whole ? blocks.guess(nameEnd, this.#length, group) : 0;
    if (size > 0) {
      this.labels = blocks.map;
      this.hash = (this.#nameHash + blocks.hash) | 0;
      this.rank = blocks.rank;
      this.#known = blocks.block;
      return nameEnd + size;
    }
    const end = this.#made(at, series.parseLabels(nameEnd));
    const hash = (this.hash - this.#nameHash) | 0;
    if (whole && this.labels) {
      this.labels = blocks.add(nameEnd, end - nameEnd, hash, group, this.labels);
      this.rank = blocks.rank;
      this.#known = blocks.block;
    } else if (hash === 0) this.rank = 0;
    return end;
  }

  /** Makes what is kept of the series that was parsed. */
  #made(at: number, end: number): number {
    const series = this.#series;
    const { name, keys, texts } = series;
    if (!this.#valid && !isUtf8(this.#body.subarray(at, end))) {
      throw errorAt(this.#body, this.#length, at, 'the series is not valid UTF-8');
    }
    this.name = name;
    this.hash = series.hash;
    this.rank = UNRANKED;
    this.#resolve(name);
    const { rules, policy } = this.#options;
    if (rules) this.written = { keys: keys.slice(), texts: texts.slice() };
    this.#normalise(keys, texts);
    this.labels = series.map();
    if (this.labels === undefined) throw errorAt(this.#body, this.#length, at, 'the series has a label twice');
    if (policy !== undefined) this.#shape(policy, at);
    return end;
  }

  #shape(policy: Policy, at: number): void {
    const { name, keys, texts } = this.#series;
    const kept = placed(this.#body, this.#length, at, () => policy.shape(name, keys, texts));
    this.labels = kept ? this.#series.map() : undefined;
    if (kept && this.labels === undefined) throw errorAt(this.#body, this.#length, at, 'the renamed labels have a name twice');
  }

  #resolve(name: string): void {
    if (name === this.#kindName) return;
    this.#kindName = name;
    this.kind = this.#families.of(name)?.type ?? 'unknown';
  }

  /** As Prometheus 3 does on ingestion, so that a bound makes the same series whoever wrote it. */
  #normalise(keys: readonly string[], texts: string[]): void {
    const label = this.kind === 'histogram' ? 'le' : this.kind === 'summary' ? 'quantile' : undefined;
    const at = label === undefined ? -1 : keys.indexOf(label);
    if (at >= 0) texts[at] = canonicalBound(texts[at] as string);
  }
}
