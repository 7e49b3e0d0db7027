/**
 * Buffers for the bodies of answers: a body is in one from its first byte until its page is read, and no longer. Small ones are used again. Large
 * ones are given back at once, as the collector would not: what is made of their pages takes as much memory, and is made next.
 *
 * Limits: a buffer grows up to the limit of its body; IDLE_MAX of at most LARGE_BYTES are kept.
 */
import { PADDING } from '../exposition/series.ts';
import { free } from '../free.ts';

const FIRST_BYTES = 64 * 1024;
const IDLE_MAX = 4;
const LARGE_BYTES = 2 ** 20;

/** A body's size in bytes is at its limit or above: as in Prometheus, a body of exactly the limit is too large. */
export class BodyTooLarge extends Error {
  override readonly name = 'BodyTooLarge';
}

export class Body {
  #buffer: Buffer | undefined;
  readonly #expected: number;
  length = 0;

  /** `bytes` is what it is expected to hold; its memory is taken with the first of them. */
  constructor(bytes = 0) {
    this.#expected = Math.max(FIRST_BYTES, Math.ceil(bytes) + PADDING);
  }

  get buffer(): Buffer {
    return (this.#buffer ??= Buffer.allocUnsafeSlow(this.#expected));
  }

  /** Adds bytes; throws `BodyTooLarge` when they reach `limit`. */
  add(chunk: Uint8Array, limit: number): void {
    const length = this.length + chunk.length;
    if (length >= limit) throw new BodyTooLarge(`the body is larger than body_size_limit, ${limit} bytes`);
    const { buffer } = this;
    if (length + PADDING > buffer.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(length + PADDING, Math.min(buffer.length * 2, limit + PADDING)));
      buffer.copy(larger, 0, 0, this.length);
      this.free();
      this.#buffer = larger;
    }
    this.buffer.set(chunk, this.length);
    this.length = length;
  }

  get large(): boolean {
    return this.#expected > LARGE_BYTES || (this.#buffer?.length ?? 0) > LARGE_BYTES;
  }

  /** Gives its memory back without waiting for the collector. Whoever still has the buffer has an empty one. */
  free(): void {
    if (this.#buffer) free(this.#buffer);
    this.#buffer = undefined;
  }
}

export class BodyPool {
  readonly #idle: Body[] = [];

  /** For a body that is expected to have so many bytes. */
  acquire(bytes = 0): Body {
    if (bytes + PADDING > LARGE_BYTES) return new Body(bytes);
    const body = this.#idle.pop() ?? new Body();
    body.length = 0;
    return body;
  }

  release(body: Body): void {
    if (body.large) body.free();
    else if (this.#idle.length < IDLE_MAX) this.#idle.push(body);
  }
}
