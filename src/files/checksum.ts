/** Checksums of files, read piece by piece. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';

/** In hexadecimal; undefined when the file is gone, may not be read or has grown beyond `most` bytes. */
export async function checksumOf(path: string, algorithm: string, most: number): Promise<string | undefined> {
  const hash = createHash(algorithm);
  let size = 0;
  try {
    await pipeline(createReadStream(path, { end: most }), async (bytes: AsyncIterable<Buffer>) => {
      for await (const piece of bytes) {
        size += piece.length;
        hash.update(piece);
      }
    });
  } catch {
    return undefined;
  }
  return size > most ? undefined : hash.digest('hex');
}
