/**
 * Buffers for the bodies of answers, used again: a body is in one from its first byte until its page is read, and no longer.
 *
 * Limits: a buffer grows up to the limit of its body; IDLE_MAX of them are kept.
 */
import { PADDING } from '../exposition/series.ts';

const FIRST_BYTES = 64 * 1024;
const IDLE_MAX = 4;

/** A body's size in bytes is at its limit or above: as in Prometheus, a body of exactly the limit is too large. */
export class BodyTooLarge extends Error {
  override readonly name = 'BodyTooLarge';
}

export class Body {
  buffer: Buffer = Buffer.allocUnsafeSlow(FIRST_BYTES);
  length = 0;

  /** Adds bytes; throws `BodyTooLarge` when they reach `limit`. */
  add(chunk: Uint8Array, limit: number): void {
    const length = this.length + chunk.length;
    if (length >= limit) throw new BodyTooLarge(`the body is larger than body_size_limit, ${limit} bytes`);
    if (length + PADDING > this.buffer.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(length + PADDING, Math.min(this.buffer.length * 2, limit + PADDING)));
      this.buffer.copy(larger, 0, 0, this.length);
      this.buffer = larger;
    }
    this.buffer.set(chunk, this.length);
    this.length = length;
  }
}

export class BodyPool {
  readonly #idle: Body[] = [];

  acquire(): Body {
    const body = this.#idle.pop() ?? new Body();
    body.length = 0;
    return body;
  }

  release(body: Body): void {
    if (this.#idle.length < IDLE_MAX) this.#idle.push(body);
  }
}
