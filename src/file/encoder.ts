/** A batch as the bytes that go into a file. */
import { JsonEncoder } from '../codec/json.ts';
import { MsgpackEncoder } from '../codec/msgpack.ts';
import { describe, SinkError } from '../errors.ts';
import type { TideEvent } from '../event.ts';
import type { FileFormat } from './tail.ts';

/** First size of the buffer, in bytes. */
const BUFFER_BYTES = 64 * 1024;
/** A buffer that a large batch made larger than this is given back after it, in bytes. */
const BUFFER_BYTES_KEPT = 2 ** 20;
const NEWLINE = 10;

export class BatchEncoder {
  readonly #encode: (event: TideEvent) => Uint8Array;
  readonly #newlines: boolean;
  #buffer = Buffer.allocUnsafeSlow(BUFFER_BYTES);
  #length = 0;

  constructor(format: FileFormat) {
    this.#newlines = format === 'ndjson';
    const [json, msgpack] = [new JsonEncoder(), new MsgpackEncoder()];
    this.#encode = this.#newlines ? (event) => json.encodeBytes(event) : (event) => msgpack.encode(event);
  }

  /** The bytes of the batch, valid until the next call. An event that cannot be encoded is a `rejected` SinkError. */
  encode(batch: readonly TideEvent[]): Buffer {
    if (this.#buffer.length > BUFFER_BYTES_KEPT) this.#buffer = Buffer.allocUnsafeSlow(BUFFER_BYTES);
    this.#length = 0;
    for (const event of batch) {
      try {
        this.#add(this.#encode(event));
      } catch (error) {
        throw new SinkError('rejected', `an event of ${event.type} cannot be encoded: ${describe(error)}`, { cause: error });
      }
    }
    return this.#buffer.subarray(0, this.#length);
  }

  #add(bytes: Uint8Array): void {
    this.#reserve(bytes.length + 1);
    this.#buffer.set(bytes, this.#length);
    this.#length += bytes.length;
    if (this.#newlines) this.#buffer[this.#length++] = NEWLINE;
  }

  #reserve(bytes: number): void {
    const needed = this.#length + bytes;
    if (needed <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafeSlow(2 ** Math.ceil(Math.log2(needed)));
    larger.set(this.#buffer.subarray(0, this.#length));
    this.#buffer = larger;
  }
}
