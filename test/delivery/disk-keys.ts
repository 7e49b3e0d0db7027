/** Keys and changes of a store by number. */
import type { Change, KeyRange, Store } from '../../src/delivery/store.ts';

export const key = (n: number): Buffer => {
  const bytes = Buffer.alloc(9);
  bytes[0] = 0x65;
  bytes.writeBigUInt64BE(BigInt(n), 1);
  return bytes;
};
export const range = (from: number, to: number): KeyRange => ({ from: key(from), to: key(to) });
export const put = (n: number, value: string | Buffer = `value ${n}`): Change => ({ key: key(n), value: Buffer.from(value) });
export const del = (n: number): Change => ({ key: key(n) });
export const upTo = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, i) => from + i);
export const puts = (from: number, to: number): Change[] => upTo(from, to).map((n) => put(n));
export const numberOf = (bytes: Buffer): number => Number(bytes.readBigUInt64BE(1));

/** More than any test has. */
export const PLENTY = 1 << 30;

/** The numbers of the keys that a read finds. */
export async function numbers(store: Store, from: number, to: number, max = PLENTY, maxBytes = PLENTY): Promise<number[]> {
  return (await store.read(range(from, to), max, maxBytes)).map(([found]) => numberOf(found));
}
