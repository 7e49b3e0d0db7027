/** One GET on one connection, its body streamed into a buffer. */
import { createGunzip, type Gunzip } from 'node:zlib';
import type { Client, Dispatcher } from 'undici';
import type { Body } from './bodies.ts';

export interface Answer {
  readonly status: number;
  readonly contentType: string | undefined;
  /** Where a redirect leads. */
  readonly location: string | undefined;
  /** The time that the other side says it is, Unix time in milliseconds. */
  readonly date: number | undefined;
}

/** Output of the decompressor at once, in bytes. */
const GUNZIP_BYTES = 256 * 1024;

type Headers = Readonly<Record<string, string | string[] | undefined>>;
const one = (value: string | string[] | undefined): string | undefined => (Array.isArray(value) ? value[0] : value);

/**
 * Sends the request; the body of an answer with status 200 is in `body` then, without its compression. `limit` counts bytes of that. Rejects with
 * what went wrong, and with the signal's reason when it aborts. A connection whose answer was not read to its end is closed.
 */
export async function get(
  client: Client,
  path: string,
  headers: Record<string, string>,
  body: Body,
  limit: number,
  signal: AbortSignal,
): Promise<Answer> {
  return await new Promise<Answer>((resolve, reject) => {
    const receiver = new Receiver(body, limit, resolve, (error) => {
      signal.removeEventListener('abort', abort);
      reject(error);
    });
    // While it connects there is no request to abort, only a client.
    const abort = (): void => {
      receiver.fail(signal.reason as Error);
      void client.destroy(signal.reason as Error).catch(() => {});
    };
    if (signal.aborted) return abort();
    signal.addEventListener('abort', abort, { once: true });
    receiver.onDone = () => signal.removeEventListener('abort', abort);
    client.dispatch({ path, method: 'GET', headers }, receiver);
  });
}

class Receiver implements Dispatcher.DispatchHandler {
  onDone: () => void = () => {};
  readonly #body: Body;
  readonly #limit: number;
  readonly #resolve: (answer: Answer) => void;
  readonly #reject: (error: Error) => void;
  #controller: Dispatcher.DispatchController | undefined;
  #answer: Answer | undefined;
  #gunzip: Gunzip | undefined;
  #compressed = 0;
  #settled = false;

  constructor(body: Body, limit: number, resolve: (answer: Answer) => void, reject: (error: Error) => void) {
    this.#body = body;
    this.#limit = limit;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number, headers: Headers): void {
    // An interim answer is none.
    if (status < 200) return;
    const date = Date.parse(one(headers['date']) ?? '');
    this.#answer = {
      status,
      contentType: one(headers['content-type']),
      location: one(headers['location']),
      date: Number.isNaN(date) ? undefined : date,
    };
    const length = Number(one(headers['content-length']));
    const encoding = one(headers['content-encoding'])?.toLowerCase();
    if (status === 200 && encoding === 'gzip') this.#decompress(controller);
    else if (status === 200 && encoding !== undefined && encoding !== 'identity' && encoding !== '') {
      this.fail(new Error(`the body is compressed with ${JSON.stringify(encoding.slice(0, 40))}, which was not asked for`));
    } else if (status === 200 && length >= this.#limit) {
      this.fail(new Error(`the body is larger than body_size_limit, ${this.#limit} bytes: it has ${length}`));
    }
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#settled || this.#answer?.status !== 200) return;
    if (this.#gunzip === undefined) return this.#add(chunk);
    this.#compressed += chunk.length;
    // The chunk is the socket's buffer, and decompression takes its time.
    if (!this.#gunzip.write(Buffer.from(chunk))) {
      controller.pause();
      this.#gunzip.once('drain', () => controller.resume());
    }
  }

  onResponseEnd(): void {
    if (this.#gunzip) this.#gunzip.end();
    else this.#end();
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.fail(error);
  }

  /** Ends it with an error, unless it has ended. */
  fail(error: Error): void {
    if (this.#settled) return;
    this.#settled = true;
    this.onDone();
    this.#gunzip?.destroy();
    this.#controller?.abort(error);
    this.#reject(error);
  }

  #decompress(controller: Dispatcher.DispatchController): void {
    const gunzip = createGunzip({ chunkSize: GUNZIP_BYTES });
    this.#gunzip = gunzip;
    gunzip.on('data', (chunk: Buffer) => this.#add(chunk));
    gunzip.on('end', () => this.#end());
    gunzip.on('error', (error) => {
      const cut = (error as NodeJS.ErrnoException).code === 'Z_BUF_ERROR';
      this.fail(
        new Error(
          cut ? `the gzip body is cut off after ${this.#compressed} bytes` : `the gzip body cannot be read: ${error.message}`,
        ),
      );
    });
    gunzip.on('close', () => controller.resume());
  }

  #add(chunk: Uint8Array): void {
    if (this.#settled) return;
    try {
      this.#body.add(chunk, this.#limit);
    } catch (error) {
      this.fail(error as Error);
    }
  }

  #end(): void {
    if (this.#settled) return;
    this.#settled = true;
    this.onDone();
    if (this.#answer) this.#resolve(this.#answer);
    else this.#reject(new Error('there was no answer'));
  }
}
