/**
 * Compression, for what is sent and for what is read back. kafkajs brings gzip only, at a level that costs more than it saves.
 *
 * Brokers and Java's consumers read snappy with the framing of xerial's library, and also a bare block, which is what librdkafka and others
 * write and what is written here; both are read. Everything runs in the thread pool.
 */
import { promisify } from 'node:util';
import { constants, gunzip, gzip, zstdCompress, zstdDecompress } from 'node:zlib';
import kafkajs from 'kafkajs';
import type { Compression } from './options.ts';

/** What a batch may unpack to, in bytes: a small one may claim to be any size. */
const UNPACKED_BYTES_MAX = 2 ** 28;
/** Measured on events: higher levels save a few percent for twice the time. */
const LEVEL = 1;

export interface Codec {
  compress(records: Buffer): Promise<Buffer>;
  decompress(compressed: Buffer): Promise<Buffer>;
}

/** Native libraries, loaded by those who use them. */
const snappy = async (): Promise<typeof import('snappy')> => await import('snappy');
const lz4 = async (): Promise<typeof import('lz4-napi')> => await import('lz4-napi');
const limit = { maxOutputLength: UNPACKED_BYTES_MAX };
const gzipped = promisify(gzip) as (data: Buffer, options: object) => Promise<Buffer>;
const gunzipped = promisify(gunzip) as (data: Buffer, options: object) => Promise<Buffer>;
const zstd = promisify(zstdCompress) as (data: Buffer, options: object) => Promise<Buffer>;
const unzstd = promisify(zstdDecompress) as (data: Buffer, options: object) => Promise<Buffer>;

export const codecs: Readonly<Record<Exclude<Compression, 'none'>, Codec>> = {
  gzip: {
    compress: async (records) => await gzipped(records, { level: LEVEL }),
    decompress: async (compressed) => await gunzipped(compressed, limit),
  },
  snappy: {
    compress: async (records) => await (await snappy()).compress(records),
    decompress: async (compressed) => (isXerial(compressed) ? await xerial(compressed) : await block(compressed)),
  },
  lz4: {
    compress: async (records) => await (await lz4()).compressFrame(records),
    decompress: async (compressed) => await (await lz4()).decompressFrame(compressed),
  },
  zstd: {
    compress: async (records) => await zstd(records, { params: { [constants.ZSTD_c_compressionLevel]: LEVEL } }),
    decompress: async (compressed) => await unzstd(compressed, limit),
  },
};

/** As a record batch numbers them. */
export const TYPES: Readonly<Record<Compression, number>> = { none: 0, gzip: 1, snappy: 2, lz4: 3, zstd: 4 };

/** Gives kafkajs the codecs, for producers and consumers of this process. */
export function registerCodecs(): void {
  const known = kafkajs.CompressionCodecs as Record<number, () => unknown>;
  for (const [name, codec] of Object.entries(codecs)) {
    known[TYPES[name as Compression]] = () => ({
      compress: async ({ buffer }: { buffer: Buffer }) => await codec.compress(buffer),
      decompress: async (buffer: Buffer) => await codec.decompress(buffer),
    });
  }
}

const XERIAL = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0]);
/** The mark, the version, and the oldest version that can read it. */
const XERIAL_HEADER_BYTES = 16;

const isXerial = (bytes: Buffer): boolean => bytes.subarray(0, XERIAL.length).equals(XERIAL);

/** Blocks, each after its length in four bytes. */
async function xerial(bytes: Buffer): Promise<Buffer> {
  const blocks: Buffer[] = [];
  let size = 0;
  for (let at = XERIAL_HEADER_BYTES; at < bytes.length; ) {
    const length = bytes.readUInt32BE(at);
    const end = at + 4 + length;
    if (end > bytes.length) throw new RangeError(`a block of ${length} bytes goes beyond the ${bytes.length} of its batch`);
    const unpacked = await block(bytes.subarray(at + 4, end));
    size += unpacked.length;
    if (size > UNPACKED_BYTES_MAX) throw tooLarge(size);
    blocks.push(unpacked);
    at = end;
  }
  return Buffer.concat(blocks);
}

/** A block begins with its unpacked length, as a varint. */
async function block(bytes: Buffer): Promise<Buffer> {
  let length = 0;
  for (let i = 0, shift = 1; i < bytes.length && i < 5; i++, shift *= 128) {
    const byte = bytes[i] as number;
    length += (byte & 127) * shift;
    if (byte < 128) break;
  }
  if (length > UNPACKED_BYTES_MAX) throw tooLarge(length);
  return (await (await snappy()).uncompress(bytes, { asBuffer: true })) as Buffer;
}

const tooLarge = (size: number): RangeError =>
  new RangeError(`a batch would unpack to ${size} bytes; the most is ${UNPACKED_BYTES_MAX}`);
