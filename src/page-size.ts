/** The size of a page of memory, in which the kernel counts: 4 KiB on most machines, 16 or 64 KiB on some with ARM or POWER. */
import { endianness } from 'node:os';
import type { Host } from './host.ts';

const USUAL_BYTES = 4096;
/** Key of the page size in the auxiliary vector: getauxval(3). */
const AT_PAGESZ = 6n;
/** A key and its value, a machine word each. Node runs on 64-bit machines. */
const ENTRY_BYTES = 16;

/** Bytes a page, from the auxiliary vector that the kernel gave to this process; 4096 where there is none to read. */
export function pageBytes(host: Host): number {
  const vector = host.reader().maybe(host.procPath('self/auxv'));
  if (!vector) return USUAL_BYTES;
  const word = (at: number): bigint =>
    endianness() === 'LE' ? vector.buffer.readBigUInt64LE(at) : vector.buffer.readBigUInt64BE(at);
  for (let at = 0; at + ENTRY_BYTES <= vector.length; at += ENTRY_BYTES) {
    if (word(at) === AT_PAGESZ) return Number(word(at + ENTRY_BYTES / 2));
  }
  return USUAL_BYTES;
}
