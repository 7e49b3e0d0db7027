/**
 * Texts that nothing may print: contents of secret files, values of environment variables, options marked as secret.
 *
 * Limits: a text below LENGTH_MIN is not looked for in others, because every word would be full of it; where such a value is shown
 * by itself (`display`, mistakes) it is hidden nevertheless.
 */
import { withoutHeldSecrets } from '../held-secrets.ts';

const LENGTH_MIN = 4;
const MASK = '***';

export class Secrets {
  readonly #texts = new Set<string>();
  #sorted: readonly string[] | undefined;

  add(text: string): void {
    const forms = [text, JSON.stringify(text).slice(1, -1), encoded(text)];
    // A key in PEM form is printed line by line.
    for (const form of [...forms, ...(text.includes('\n') ? text.split('\n') : [])]) {
      if (form.trim().length >= LENGTH_MIN) this.#texts.add(form);
    }
    this.#sorted = undefined;
  }

  /** The text with `***` for every secret in it, and for those that were read since. */
  redact(text: string): string {
    // The longest first: one secret may be a part of another.
    this.#sorted ??= [...this.#texts].toSorted((a, b) => b.length - a.length);
    let result = text;
    for (const secret of this.#sorted) if (result.includes(secret)) result = result.replaceAll(secret, MASK);
    return withoutHeldSecrets(result);
  }
}

function encoded(text: string): string {
  return encodeURIComponent(text.toWellFormed());
}
