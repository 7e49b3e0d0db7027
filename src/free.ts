/**
 * Gives the memory of buffers back without waiting for the collector, to which buffers are a few bytes each: tens of megabytes of them gather
 * between two collections, and to look for them through the whole heap costs more than all else that is done with an event.
 *
 * Whoever still has a buffer that was given back, or a view of it, has an empty one, or finds something else in it.
 */

/** Of smaller ones the collector gets rid in time. */
const OWN_BYTES = 512;
/** What may be in front of what is seen of a buffer, in bytes: Node's pools hold at least twice what they give out. */
const AROUND_BYTES = 4 << 10;
/** What is allocated together, in bytes, and the largest that is. */
const SLAB_BYTES = 64 << 10;
const PART_BYTES = 8 << 10;

/** Memory of buffers that were allocated one after the other, and go about in that order. */
interface Slab {
  readonly memory: Buffer;
  end: number;
  /** Those that are not given back; while there is room for more, one more than that. */
  parts: number;
}

const slabs = new WeakMap<ArrayBufferLike, Slab>();

/** Allocates buffers that are given back a slab at a time, which costs less than for each. */
export class Slabs {
  #slab: Slab | undefined;

  allocate(bytes: number): Buffer {
    if (bytes > PART_BYTES) return Buffer.allocUnsafeSlow(bytes);
    if (!this.#slab || this.#slab.end + bytes > SLAB_BYTES) this.#next();
    const slab = this.#slab as Slab;
    slab.parts++;
    slab.end += bytes;
    return slab.memory.subarray(slab.end - bytes, slab.end);
  }

  #next(): void {
    if (this.#slab) release(this.#slab);
    this.#slab = { memory: Buffer.allocUnsafeSlow(SLAB_BYTES), end: 0, parts: 1 };
    slabs.set(this.#slab.memory.buffer, this.#slab);
  }
}

function release(slab: Slab): void {
  if (--slab.parts === 0) (slab.memory.buffer as ArrayBuffer).transfer(0);
}

/**
 * Gives back a buffer that nobody needs: at most once, and by who has all of what was allocated. Says whether its memory is no longer the
 * collector's: small buffers, and those that are a part of a larger one, are left alone.
 */
export function free({ buffer, length }: Uint8Array): boolean {
  const slab = slabs.get(buffer);
  if (slab) {
    release(slab);
    return true;
  }
  if (length < OWN_BYTES || buffer.byteLength - length > AROUND_BYTES || !(buffer instanceof ArrayBuffer)) return false;
  buffer.transfer(0);
  return true;
}
