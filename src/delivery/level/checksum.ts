import { crc32c } from '@node-rs/crc32';

const MASK_DELTA = 0xa282ead8;

/**
 * CRC-32C as LevelDB stores it: rotated and offset, because it is computed of data that hold such sums themselves
 * (https://github.com/google/leveldb/blob/main/util/crc32c.h).
 */
export function checksumOf(bytes: Buffer): number {
  const crc = crc32c(bytes);
  return (((crc >>> 15) | (crc << 17)) + MASK_DELTA) >>> 0;
}
