/**
 * What of amqplib 2.3 is used beyond its documented interface, in one place. It has no way to destroy a connection: it only ends its socket,
 * which with a frozen peer waits for ever, and does not hear of a socket that was destroyed without an error.
 * `test/rabbitmq/network.test.ts` and `faults.test.ts` fail when another version of amqplib has other parts.
 */
import type { Socket } from 'node:net';
import type { ChannelModel, ConfirmChannel } from 'amqplib';

interface Stream {
  readonly readableLength: number;
  readonly writableLength: number;
}

interface Connection {
  readonly stream: Socket;
  /** Set when the connection is over or being closed; then no event of it comes any more. */
  readonly expectSocketClose: boolean;
  /** Write buffers of the channels, by the channel's number. */
  readonly channels: readonly ({ readonly buffer: Stream } | null)[];
}

const connectionOf = (model: ChannelModel): Connection => model.connection as unknown as Connection;

/** True for a connection that ended before anybody listened. */
export const isOver = (model: ChannelModel): boolean => {
  const { stream, expectSocketClose } = connectionOf(model);
  return expectSocketClose || stream.destroyed;
};

/** True while something that was published on the channel is still in this process, in the channel's buffer or in the socket's. */
export function hasUnsent(model: ChannelModel, channel: ConfirmChannel): boolean {
  const { stream, channels } = connectionOf(model);
  const buffer = channels[(channel as unknown as { readonly ch: number }).ch]?.buffer;
  return stream.writableLength > 0 || (buffer !== undefined && buffer.readableLength + buffer.writableLength > 0);
}

/** Ends the socket for good, whatever its peer does. */
export function destroySocket(model: ChannelModel): void {
  connectionOf(model).stream.destroy();
}

/** Drops the connection at once, with what neither this process nor the kernel has sent; its channels and it emit `close`. */
export function abandon(model: ChannelModel, why: Error): void {
  const { stream } = connectionOf(model);
  try {
    // Unlike `destroy`, a reset throws away what the kernel still holds. But a socket that is being ended and is reset then is never
    // closed, and keeps Node from ending (24.21).
    if (stream.writableEnded && !stream.writableFinished) stream.destroy();
    else stream.resetAndDestroy();
  } catch {
    // A TLS socket cannot be reset.
    stream.destroy();
  }
  // amqplib hears of a destroyed socket only by an error; it then fails the channels and stops the heartbeat.
  stream.emit('error', why);
}
