/** Numbers in hexadecimal, as the kernel writes its counters of each CPU: `softnet_stat`, `stat/nf_conntrack`. */
import type { Row } from '../text.ts';

/** The word at `index` in hexadecimal, of up to 64 bits; throws `Malformed` when it is none. */
export function hexAt(row: Row, index: number): number {
  const word = row.text(index);
  if (!/^[0-9a-f]{1,16}$/i.test(word)) throw row.malformed(`${JSON.stringify(word)} is not a hexadecimal number`);
  return Number.parseInt(word, 16);
}
