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
  write(chunk: Buffer): boolean;
}

interface Connection {
  readonly stream: Socket;
  /** Set when the connection is over or being closed; then no event of it comes any more. */
  readonly expectSocketClose: boolean;
  /** The channels and their write buffers, by the channel's number. */
  readonly channels: readonly ({ readonly channel: object; readonly buffer: Stream } | null)[];
  /** The largest frame that was agreed on, in bytes. */
  readonly frameMax: number;
  /** Something was sent, so that no heartbeat is due. */
  sentSinceLastCheck: boolean;
}

/** What amqplib's channel is, and its types do not say. */
interface Numbered {
  readonly ch: number;
  readonly connection: Connection;
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
  const buffer = channels[(channel as unknown as Numbered).ch]?.buffer;
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

/** The way of a channel's frames to its connection, past `publish`. */
export interface FrameWriter {
  /** The channel's number in the connection. */
  readonly channel: number;
  /** The largest frame, in bytes. */
  readonly frameBytes: number;
  /** False when the channel or its connection is over, or being closed. */
  readonly open: () => boolean;
  /** Sends whole frames of this channel. */
  readonly write: (frames: Buffer) => void;
}

/** The confirms of what is written so are the caller's to read; amqplib's own count of them, which `publish` keeps, is taken off. */
export function frameWriterOf(channel: ConfirmChannel): FrameWriter {
  const { ch, connection } = channel as unknown as Numbered;
  for (const confirm of ['ack', 'nack']) channel.removeAllListeners(confirm);
  return {
    channel: ch,
    frameBytes: connection.frameMax,
    open: () => !connection.expectSocketClose && connection.channels[ch]?.channel === channel,
    write: (frames) => {
      connection.sentSinceLastCheck = true;
      connection.channels[ch]?.buffer.write(frames);
    },
  };
}
