/** Finds the series of a new page among those of the page before: at the place where it should be, and else by a hash of its texts. */
import { BACKSLASH, CLASS, CLOSE, METRIC, NEWLINE, OPEN, QUOTE, SPACE, TAB } from './ascii.ts';
import { sameBytes } from './bytes.ts';
import { type Page, SeriesIndex } from './page.ts';
import { coreEnd } from './texts.ts';

export class Recogniser {
  readonly #before: Page;
  readonly #body: Buffer;
  readonly #view: DataView;
  readonly #length: number;
  /** Made when the first series is not where it should be. */
  #index: SeriesIndex | undefined;
  /** The item of the page before that should be next. */
  #hint = 0;

  constructor(before: Page, body: Buffer, view: DataView, length: number) {
    this.#before = before;
    this.#body = body;
    this.#view = view;
    this.#length = length;
  }

  /** The item of the page before whose series starts at a byte of the body, or -1. */
  find(at: number): number {
    let item = this.#hint < this.#before.items && this.#isAt(this.#hint, at) ? this.#hint : -1;
    if (item < 0) {
      const nameEnd = skipName(this.#body, at, this.#length);
      const end = skipLabels(this.#body, nameEnd, this.#length);
      if (end < 0) return -1;
      this.#index ??= new SeriesIndex(this.#before);
      item = this.#index.find({ view: this.#view, name: at, nameEnd, labels: nameEnd, labelsEnd: end });
      if (item < 0 || !this.#isAt(item, at)) return -1;
    }
    this.#hint = item + 1;
    return item;
  }

  /** How long the name of an item is, in bytes. */
  nameSize(item: number): number {
    const { heads, texts } = this.#before;
    const head = heads[item] as number;
    return (texts.starts[head + 1] as number) - (texts.cores[head] as number);
  }

  /** How long the labels of an item are, with their braces, in bytes. */
  labelsSize(item: number): number {
    const { blocks, texts } = this.#before;
    const block = blocks[item] as number;
    return coreEnd(texts, block) - (texts.cores[block] as number);
  }

  #isAt(item: number, at: number): boolean {
    const { heads, blocks, texts } = this.#before;
    const [name, labels] = [this.nameSize(item), this.labelsSize(item)];
    let p = at + name;
    if (p + labels > this.#length) return false;
    if (!sameBytes(texts.view, texts.cores[heads[item] as number] as number, this.#view, at, name)) return false;
    if (labels > 0) return sameBytes(texts.view, texts.cores[blocks[item] as number] as number, this.#view, p, labels);
    // A name alone: it may go on, or have labels behind a blank.
    if (this.#body[p] !== SPACE && this.#body[p] !== TAB) return false;
    while (this.#body[p] === SPACE || this.#body[p] === TAB) p++;
    return this.#body[p] !== OPEN;
  }
}

/** Where the name ends that begins at a byte. */
function skipName(body: Buffer, at: number, length: number): number {
  let p = at;
  while (p < length && ((CLASS[body[p] as number] as number) & METRIC) !== 0) p++;
  return p;
}

/** Where the labels behind a name end, by their quotes and braces alone, or the name itself where it has none; -1 when the line ends before. */
function skipLabels(body: Buffer, nameEnd: number, length: number): number {
  let p = nameEnd;
  while (body[p] === SPACE || body[p] === TAB) p++;
  if (body[p] !== OPEN || p >= length) return nameEnd;
  let quoted = false;
  for (p++; p < length; p++) {
    const byte = body[p];
    if (byte === NEWLINE) return -1;
    if (byte === QUOTE) quoted = !quoted;
    else if (byte === BACKSLASH && quoted) p++;
    else if (byte === CLOSE && !quoted) return p + 1;
  }
  return -1;
}
