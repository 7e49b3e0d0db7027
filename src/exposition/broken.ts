/** A rule that a page breaks. Where, the reader adds. */
import { ExpositionError } from './ascii.ts';

export function broken(what: string): never {
  throw new ExpositionError(what, 0, '');
}
