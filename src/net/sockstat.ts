/** `/proc/net/sockstat` and `sockstat6`: a protocol a line, with pairs of a word and a number: `TCP: inuse 35 orphan 0 …`. */
import type { Text } from '../text.ts';

/** Adds the pairs of a text under names such as `TCP:inuse`. Throws `Malformed`. */
export function readSockstat(text: Text | undefined, pairs: Map<string, number>): void {
  for (const row of text?.rows() ?? []) {
    if (row.count === 0) continue;
    if (row.count % 2 === 0) throw row.malformed('a word without a number');
    const protocol = row.text(0);
    for (let column = 1; column < row.count; column += 2) pairs.set(protocol + row.text(column), row.number(column + 1));
  }
}
