/**
 * The sockets of one client, so that it can be let go of at once.
 *
 * kafkajs ends sockets, but never destroys one, waits for answers before it does, and opens new ones while it retries, also after it was
 * told to disconnect. Here, `close` resets every connection, so that what the kernel has not sent is not sent any more, and from then on
 * none is opened. kafkajs hears of it as of any other failure, and forgets what it was waiting for.
 */
import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { type ConnectionOptions, connect as connectTls } from 'node:tls';
import type { ISocketFactory } from 'kafkajs';

const KEEP_ALIVE_MS = 30_000;

export class Sockets {
  /** What kafkajs has, and what is below it: the same, but for TLS. */
  readonly #open = new Map<Socket, Socket>();
  #closed: Error | undefined;

  /** For kafkajs. Throws once closed. */
  readonly factory: ISocketFactory = ({ host, port, ssl, onConnect }) => {
    if (this.#closed) throw this.#closed;
    // Without noDelay, a request waits for the acknowledgement of the one before it.
    const raw = connectTcp({ host, port, noDelay: true, keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_MS });
    let socket: Socket;
    try {
      socket = ssl ? connectTls(tlsOptions(raw, host, ssl), onConnect) : raw.once('connect', onConnect);
    } catch (error) {
      // What TLS refuses to begin with leaves the connection below it open.
      raw.destroy();
      throw error;
    }
    this.#open.set(socket, raw);
    // An error that nobody listens for ends the process, and kafkajs is not heard of after it has disconnected.
    socket.on('error', () => {});
    socket.once('close', () => this.#open.delete(socket));
    return socket;
  };

  /** How many are open or being opened. */
  get size(): number {
    return this.#open.size;
  }

  close(reason: Error): void {
    this.#closed ??= reason;
    const open = [...this.#open];
    this.#open.clear();
    for (const [socket, raw] of open) {
      // A socket that is being ended and is reset then is never closed, and keeps Node from ending (24.21).
      const ending = raw.writableEnded && !raw.writableFinished;
      if (raw.connecting || raw.destroyed || ending) raw.destroy();
      else raw.resetAndDestroy();
      // kafkajs listens to errors, not to closing.
      if (socket === raw) socket.emit('error', reason);
      else socket.destroy(reason);
    }
  }
}

/**
 * A socket, for TLS to stand on. Node hands TLS the socket's own handle otherwise, and when that is reset below it, the next write or destroy
 * of the TLS socket ends the process with a segmentation fault (Node 24.21). This costs a microsecond for a kilobyte.
 */
class Ground extends Duplex {
  readonly #socket: Socket;

  constructor(socket: Socket) {
    super();
    this.#socket = socket;
    socket.on('data', (chunk) => {
      if (!this.push(chunk)) socket.pause();
    });
    socket.on('end', () => this.push(null));
    socket.on('error', (error) => this.destroy(error));
    socket.on('close', () => this.destroy());
  }

  override _read(): void {
    this.#socket.resume();
  }

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    this.#socket.write(chunk, done);
  }

  override _writev(chunks: { chunk: Buffer }[], done: (error?: Error | null) => void): void {
    this.#socket.write(Buffer.concat(chunks.map(({ chunk }) => chunk)), done);
  }

  override _final(done: () => void): void {
    this.#socket.end(done);
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#socket.destroy();
    done(error);
  }
}

function tlsOptions(socket: Socket, host: string, ssl: ConnectionOptions): ConnectionOptions {
  // A name is sent, and checked in the certificate, where there is one; `host` is what is checked otherwise.
  return { host, ...(isIP(host) === 0 ? { servername: host } : {}), ...ssl, socket: new Ground(socket) };
}
