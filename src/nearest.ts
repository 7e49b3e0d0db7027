/** The right name for a wrong one. */
import { distance } from 'fastest-levenshtein';

/**
 * The name that was probably meant, or undefined when none is near: at most a third of the letters differ, or one is the other's
 * beginning.
 */
export function nearest(wrong: string, names: Iterable<string>): string | undefined {
  const letters = fold(wrong);
  let found: string | undefined;
  let least = Number.POSITIVE_INFINITY;
  for (const name of names) {
    const other = fold(name);
    const beginning = letters.length >= 3 && (other.startsWith(letters) || letters.startsWith(other)) && other.length >= 3;
    const away = beginning ? 0.5 : distance(letters, other);
    if (away > Math.max(1, Math.floor(Math.max(letters.length, other.length) / 3)) || away >= least) continue;
    if (other.length === 1 && away > 0) continue;
    found = name;
    least = away;
  }
  return found;
}

/** Case and separators are what people get wrong first: `maxEvents` is `max_events`. */
const fold = (name: string): string => name.toLowerCase().replace(/[-_. ]/g, '');
