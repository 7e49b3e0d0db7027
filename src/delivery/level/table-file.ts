/**
 * LevelDB's tables (doc/table_format.md of LevelDB 1.20): blocks of entries, an index of them and a footer. Each block has a checksum,
 * which LevelDB does not look at unless it is told to, and `level` cannot tell it.
 */
import { closeSync, fstatSync, openSync, readSync, writeSync } from 'node:fs';
import { checksumOf } from './checksum.ts';
import { Cursor } from './varint.ts';

const FOOTER = 48;
const MAGIC = Buffer.from('57fb808b247547db', 'hex');
/** Behind each block: how it is compressed, and its checksum. */
const TRAILER = 5;
/** A way of compressing that does not exist: LevelDB passes over a block that says so, and a repair drops it. */
const UNKNOWN_COMPRESSION = 0xff;
const SNAPPY = 1;

interface Block {
  readonly offset: number;
  readonly size: number;
}

const blockOf = (cursor: Cursor): Block => ({ offset: cursor.number(), size: cursor.number() });

function read(fd: number, from: number, length: number): Buffer {
  const bytes = Buffer.allocUnsafe(length);
  let got = 0;
  while (got < length) {
    const more = readSync(fd, bytes, got, length - got, from + got);
    if (more === 0) break;
    got += more;
  }
  return bytes.subarray(0, got);
}

const isIntact = (block: Buffer, size: number): boolean =>
  block.length === size + TRAILER && checksumOf(block.subarray(0, size + 1)) === block.readUInt32LE(size + 1);

/** Where the index of a table is; undefined when the file does not end as a table does. */
function indexOf(fd: number, size: number): Block | undefined {
  if (size < FOOTER) return undefined;
  const footer = read(fd, size - FOOTER, FOOTER);
  if (!footer.subarray(FOOTER - MAGIC.length).equals(MAGIC)) return undefined;
  const cursor = new Cursor(footer);
  blockOf(cursor);
  const index = blockOf(cursor);
  return index.offset + index.size + TRAILER <= size ? index : undefined;
}

/** Whether a table has all of its bytes, and an index that is intact: then each of its blocks can be found. */
export function hasIndex(path: string, size: number): boolean {
  const fd = openSync(path, 'r');
  try {
    if (fstatSync(fd).size !== size) return false;
    const index = indexOf(fd, size);
    return index !== undefined && isIntact(read(fd, index.offset, index.size + TRAILER), index.size);
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  } finally {
    closeSync(fd);
  }
}

/** The values of a block of entries, in their order: in an index, where the blocks are. */
async function valuesOf(stored: Buffer, size: number): Promise<Buffer[]> {
  let block = stored.subarray(0, size);
  if (stored[size] === SNAPPY) {
    // Loaded when it is needed, which is hardly ever.
    const { uncompressSync } = await import('snappy');
    block = uncompressSync(block, { asBuffer: true }) as Buffer;
  }
  const restarts = block.readUInt32LE(block.length - 4);
  const cursor = new Cursor(block.subarray(0, block.length - 4 - 4 * restarts));
  const values: Buffer[] = [];
  while (!cursor.atEnd) {
    cursor.number();
    const [keyBytes, valueBytes] = [cursor.number(), cursor.number()];
    cursor.bytes(keyBytes);
    values.push(cursor.bytes(valueBytes));
  }
  return values;
}

/** The blocks of entries whose checksum is wrong. A table whose index is damaged has none that could be named. */
export async function badBlocks(path: string): Promise<Block[]> {
  const fd = openSync(path, 'r');
  try {
    const index = indexOf(fd, fstatSync(fd).size);
    if (!index) return [];
    const bytes = read(fd, index.offset, index.size + TRAILER);
    if (!isIntact(bytes, index.size)) return [];
    const blocks = (await valuesOf(bytes, index.size)).map((value) => blockOf(new Cursor(value)));
    return blocks.filter(({ offset, size }) => !isIntact(read(fd, offset, size + TRAILER), size));
  } finally {
    closeSync(fd);
  }
}

/** Makes blocks unreadable for good, so that nothing is made of what they hold now. */
export function condemn(path: string, blocks: readonly Block[]): void {
  const fd = openSync(path, 'r+');
  try {
    for (const { offset, size } of blocks) writeSync(fd, Buffer.of(UNKNOWN_COMPRESSION), 0, 1, offset + size);
  } finally {
    closeSync(fd);
  }
}
