/**
 * JSON objects one after the other, over any number of lines: as they are, with commas or blanks between them, or as items of an array that
 * need never end. Cut by the depth of braces, outside of strings. What is not in braces is passed over.
 */
import { StringDecoder } from 'node:string_decoder';

export class ObjectSplitter {
  /** Objects that were longer than the limit, and were left out. */
  overlong = 0;
  readonly #max: number;
  readonly #each: (text: string) => void;
  #decoder = new StringDecoder('utf8');
  #text = '';
  #at = 0;
  #begin = -1;
  #depth = 0;
  #quoted = false;
  #lost = false;

  /** `max` is in characters. `each` gets the text of every object. */
  constructor(max: number, each: (text: string) => void) {
    this.#max = max;
    this.#each = each;
  }

  write(bytes: Buffer): void {
    this.feed(this.#decoder.write(bytes));
  }

  feed(text: string): void {
    this.#text += text;
    for (; this.#at < this.#text.length; this.#at++) {
      const char = this.#text[this.#at];
      if (this.#quoted) {
        if (char === '\\') this.#at++;
        else if (char === '"') this.#quoted = false;
      } else if (char === '"') this.#quoted = this.#depth > 0;
      else if (char === '{' && this.#depth++ === 0) this.#begin = this.#at;
      else if (char === '}' && this.#depth > 0 && --this.#depth === 0) this.#cut();
    }
    if (this.#depth === 0) this.#drop();
    else if (this.#text.length - this.#begin > this.#max) {
      if (!this.#lost) this.overlong++;
      this.#lost = true;
      this.#drop();
      this.#begin = 0;
    }
  }

  /** Forgets an object that has no end; says whether there was one. */
  reset(): boolean {
    const half = this.#depth > 0;
    [this.#text, this.#at, this.#begin, this.#depth, this.#quoted, this.#lost] = ['', 0, -1, 0, false, false];
    this.#decoder = new StringDecoder('utf8');
    return half;
  }

  /** What was looked at is not needed any more; a character behind a backslash may be still to come. */
  #drop(): void {
    this.#at -= this.#text.length;
    this.#text = '';
  }

  #cut(): void {
    const object = this.#text.slice(this.#begin, this.#at + 1);
    this.#text = this.#text.slice(this.#at + 1);
    this.#at = -1;
    const lost = this.#lost || object.length > this.#max;
    if (lost && !this.#lost) this.overlong++;
    this.#lost = false;
    if (!lost) this.#each(object);
  }
}
