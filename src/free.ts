/**
 * Gives the memory of a large buffer back without waiting for the collector, to which buffers are a few bytes each: tens of megabytes of them
 * gather between two collections. Whoever still has the buffer, or a view of it, has an empty one.
 */

/** Of smaller ones the collector gets rid in time, and they may share their memory with others. */
const LARGE_BYTES = 16 << 10;
/** What may be in front of what is seen of a buffer, in bytes: Node's pools hold at least twice what they give out. */
const AROUND_BYTES = 4 << 10;

/** Says whether it did: small buffers, and those that are a part of a larger one, are left alone. */
export function free({ buffer, length }: Uint8Array): boolean {
  if (length < LARGE_BYTES || buffer.byteLength - length > AROUND_BYTES || !(buffer instanceof ArrayBuffer)) return false;
  buffer.transfer(0);
  return true;
}
