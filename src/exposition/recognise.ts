/** Finds the series of a new page among those of the page before: at the place where it should be, and else by a hash of its text. */
import { BACKSLASH, CLASS, CLOSE, METRIC, NEWLINE, OPEN, QUOTE, SPACE, TAB } from './ascii.ts';
import { sameBytes } from './bytes.ts';
import { type Page, SeriesIndex, seriesEnd } from './page.ts';

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
      const end = skipSeries(this.#body, at, this.#length);
      if (end < 0) return -1;
      this.#index ??= new SeriesIndex(this.#before);
      item = this.#index.find(this.#view, at, end - at);
      if (item < 0 || !this.#isAt(item, at)) return -1;
    }
    this.#hint = item + 1;
    return item;
  }

  /** How long the text of an item's series is, in bytes. */
  size(item: number): number {
    const { series, ends, bytes } = this.#before;
    const from = series[item] as number;
    return seriesEnd(bytes, from, ends[item] as number) - from;
  }

  #isAt(item: number, at: number): boolean {
    const { series, bytes, view } = this.#before;
    const from = series[item] as number;
    const size = this.size(item);
    if (at + size > this.#length || !sameBytes(view, from, this.#view, at, size)) return false;
    if (bytes[from + size - 1] === CLOSE) return true;
    // A name alone: it may go on, or have labels behind a blank.
    let p = at + size;
    if (this.#body[p] !== SPACE && this.#body[p] !== TAB) return false;
    while (this.#body[p] === SPACE || this.#body[p] === TAB) p++;
    return this.#body[p] !== OPEN;
  }
}

/** Where the text of a series ends, by its quotes and braces alone; -1 when the line ends before. */
function skipSeries(body: Buffer, at: number, length: number): number {
  let p = at;
  while (p < length && ((CLASS[body[p] as number] as number) & METRIC) !== 0) p++;
  const end = p;
  while (body[p] === SPACE || body[p] === TAB) p++;
  if (body[p] !== OPEN || p >= length) return end;
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
