/** What is published on a channel, on its way to the connection: the frames of many messages gathered into few chunks. */
import type { ConfirmChannel } from 'amqplib';
import type { Message } from '../broker.ts';
import { free } from '../free.ts';
import { type FrameWriter, frameWriterOf } from './amqp.ts';
import { FrameEncoder } from './frames.ts';

/** Memory is taken in pieces of this size, in bytes; a message that needs more gets its own. */
const CHUNK_BYTES = 64 << 10;

export class Outbox {
  readonly #writer: FrameWriter;
  readonly #encoder: FrameEncoder;
  #chunk: Buffer = Buffer.alloc(0);
  /** Those before it, which may still be on their way. */
  #spent: Buffer[] = [];
  /** What is not handed on yet lies between the two. */
  #from = 0;
  #to = 0;

  constructor(channel: ConfirmChannel, exchange: string) {
    this.#writer = frameWriterOf(channel);
    this.#encoder = new FrameEncoder(this.#writer.channel, exchange);
  }

  /** Adds a message, whose key is a short string, or says why it never can be sent; false when the channel is gone. */
  add(message: Message, key: string): boolean | string {
    const { frameBytes, open } = this.#writer;
    if (!open()) return false;
    const size = this.#encoder.sizeOf(message, key, frameBytes);
    if (this.#to + size > this.#chunk.length) {
      this.flush();
      this.#spent.push(this.#chunk);
      this.#chunk = Buffer.allocUnsafeSlow(Math.max(CHUNK_BYTES, size));
      this.#from = this.#to = 0;
    }
    const end = this.#encoder.write(this.#chunk, this.#to, message, key, frameBytes);
    if (end < 0) return `the event ${message.id.slice(0, 80)}… has headers that do not fit in a frame of ${frameBytes} bytes`;
    this.#to = end;
    return true;
  }

  /** The broker has all that was added. */
  arrived(): void {
    for (const chunk of this.#spent) free(chunk);
    this.#spent = [];
  }

  /** Hands on what was added. What is of a channel that is gone is dropped: nobody would confirm it. */
  flush(): void {
    if (this.#from === this.#to) return;
    if (this.#writer.open()) this.#writer.write(this.#chunk.subarray(this.#from, this.#to));
    this.#from = this.#to;
  }
}
