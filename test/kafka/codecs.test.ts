/** Compression there and back; that others can read it is shown against real brokers in `test/sinks/kafka.test.ts`. */
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import kafkajs from 'kafkajs';
import { compressFrame } from 'lz4-napi';
import snappy from 'snappy';
import { describe, expect, it } from 'vitest';
import { codecs, registerCodecs, TYPES } from '../../src/kafka/codecs.ts';
import { encodeBatch } from '../../src/kafka/record-batch.ts';
import { decodeBatch } from './fake-broker.ts';
import { messages } from './messages.ts';

const names = ['gzip', 'snappy', 'lz4', 'zstd'] as const;

/** As xerial's library frames blocks of 32 KiB, in Java's producers. */
async function xerial(...blocks: Buffer[]): Promise<Buffer> {
  const parts: Buffer[] = [Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0, 0, 0, 0, 1, 0, 0, 0, 1])];
  for (const block of blocks) {
    const packed = await snappy.compress(block);
    const length = Buffer.alloc(4);
    length.writeUInt32BE(packed.length);
    parts.push(length, packed);
  }
  return Buffer.concat(parts);
}

describe.each(names)('%s', (name) => {
  const { compress, decompress } = codecs[name];

  it('gives back what it took, whatever that was', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 10_000 }), async (bytes) => {
        const given = Buffer.from(bytes);
        return (await decompress(await compress(given))).equals(given);
      }),
      { numRuns: 50 },
    );
  });

  it('makes events smaller', async () => {
    const plain = await encodeBatch(messages(500), { key: () => 'k', stamped: true, codec: 0 });
    const packed = await encodeBatch(messages(500), { key: () => 'k', stamped: true, codec: TYPES[name], compress });
    expect(packed.length).toBeLessThan(plain.length / 4);
  });

  it('is read by a consumer of kafkajs once it is registered', async () => {
    registerCodecs();
    const sent = messages(20);
    const batch = await encodeBatch(sent, { key: () => 'k', stamped: true, codec: TYPES[name], compress });
    const { records } = await decodeBatch(batch);
    expect(records.map(({ value }) => String(value))).toEqual(sent.map(({ body }) => String(body)));
  });

  it('is what kafkajs compresses by', async () => {
    registerCodecs();
    const codec = (kafkajs.CompressionCodecs as Record<number, () => { compress(encoder: object): Promise<Buffer> }>)[
      TYPES[name]
    ]?.();
    const given = Buffer.from('given '.repeat(100));
    expect((await decompress((await codec?.compress({ buffer: given })) as Buffer)).equals(given)).toBe(true);
  });

  it('fails on what is none of it', async () => {
    await expect(decompress(Buffer.from('this is not compressed in any way'))).rejects.toThrow(/\S/);
  });
});

describe('what others write', () => {
  it('is read: snappy in blocks, as Java frames it', async () => {
    const blocks = [Buffer.from('first '.repeat(1000)), Buffer.from('second')];
    expect((await codecs.snappy.decompress(await xerial(...blocks))).equals(Buffer.concat(blocks))).toBe(true);
    const cut = (await xerial(...blocks)).subarray(0, -1);
    await expect(codecs.snappy.decompress(cut)).rejects.toThrow(/goes beyond/);
  });

  it('is read: LZ4 with checksums, gzip of another level', async () => {
    const given = Buffer.from('given '.repeat(1000));
    const framed = await compressFrame(given, { contentChecksum: true, blockChecksums: true });
    expect((await codecs.lz4.decompress(framed)).equals(given)).toBe(true);
    expect((await codecs.gzip.decompress(gzipSync(given, { level: 9 }))).equals(given)).toBe(true);
  });

  it('is refused when it claims to be enormous', async () => {
    const bomb = Buffer.from([0xff, 0xff, 0xff, 0xff, 0x0f, 0, 0]);
    await expect(codecs.snappy.decompress(bomb)).rejects.toThrow(/would unpack to 4294967295 bytes/);
  });
});
