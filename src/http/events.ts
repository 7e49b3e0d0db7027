/**
 * Events as they go by, for any number of readers (server-sent events).
 *
 *   bus ──▶ hub: encoded once, if anybody wants it ──▶ each stream's buffer ──▶ its reader, as fast as it reads
 *
 * Limits: STREAMS_MAX readers; BUFFER_BYTES of events wait for each. What does not fit, or is above a reader's own rate, is left out and
 * counted, and `missed` tells the reader how many before the next event. A reader who reads nothing is cut off by the server. While
 * nobody reads, nothing is subscribed to and nothing encoded.
 */
import type { Clock } from '../clock.ts';
import { JsonEncoder } from '../codec/json.ts';
import type { TideEvent } from '../event.ts';

const STREAMS_MAX = 16;
/** Of what is encoded and not yet taken by the reader's connection, in bytes. */
const BUFFER_BYTES = 2 ** 20;
/** A comment goes out when nothing else did for so long, in milliseconds. */
const ALIVE_MS = 15_000;
/** What a browser waits before it comes back, in milliseconds. */
const RETRY_MS = 3000;

export interface StreamOptions {
  /** Types that are wanted. */
  readonly match: (type: string) => boolean;
  /** Instances of sensors that are wanted; all without any. */
  readonly sensors?: ReadonlySet<string> | undefined;
  /** Events a second at most. */
  readonly rate?: number | undefined;
  /** The stream ends after so many. */
  readonly limit?: number | undefined;
}

export class EventHub {
  readonly #subscribe: (take: (event: TideEvent) => void) => () => void;
  readonly #clock: Clock;
  readonly #encoder = new JsonEncoder();
  readonly #streams = new Set<EventStream>();
  #unsubscribe: (() => void) | undefined;

  constructor(subscribe: (take: (event: TideEvent) => void) => () => void, clock: Clock) {
    this.#subscribe = subscribe;
    this.#clock = clock;
  }

  /** Undefined when there are too many readers. */
  open(options: StreamOptions): ReadableStream<Uint8Array> | undefined {
    if (this.#streams.size >= STREAMS_MAX) return undefined;
    const stream = new EventStream(options, this.#clock, () => {
      this.#streams.delete(stream);
      if (this.#streams.size > 0) return;
      this.#unsubscribe?.();
      this.#unsubscribe = undefined;
    });
    this.#streams.add(stream);
    this.#unsubscribe ??= this.#subscribe((event) => this.#pass(event));
    return stream.readable;
  }

  close(): void {
    for (const stream of this.#streams) stream.end();
  }

  #pass(event: TideEvent): void {
    let message: Buffer | undefined;
    for (const stream of this.#streams) {
      if (!stream.wants(event)) continue;
      message ??= Buffer.concat([HEAD, Buffer.from(oneLine(event.id)), DATA, this.#encoder.encodeBytes(event), END]);
      stream.put(message);
    }
  }
}

const [HEAD, DATA, END] = ['id: ', '\ndata: ', '\n\n'].map((text) => Buffer.from(text)) as [Buffer, Buffer, Buffer];
/** A line end in an id would end it. */
const oneLine = (id: string): string => id.replaceAll(/[\r\n\0]/g, ' ');

class EventStream {
  readonly readable: ReadableStream<Uint8Array>;
  readonly #options: StreamOptions;
  readonly #clock: Clock;
  readonly #onEnd: () => void;
  readonly #waiting: Buffer[] = [];
  #bytes = 0;
  #missed = 0;
  #left: number;
  /** Events that may go now, by the reader's rate, and when that was counted. */
  #credit: number;
  #at: number;
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  #cancelAlive: () => void = () => {};
  /** Whether the reader waits for more. */
  #asked = false;
  #ended = false;

  constructor(options: StreamOptions, clock: Clock, onEnd: () => void) {
    this.#options = options;
    this.#clock = clock;
    this.#onEnd = onEnd;
    this.#left = options.limit ?? Number.POSITIVE_INFINITY;
    this.#credit = options.rate === undefined ? Number.POSITIVE_INFINITY : Math.max(1, options.rate);
    this.#at = clock.monotonic();
    this.#add(Buffer.from(`retry: ${RETRY_MS}\n\n`));
    this.readable = new ReadableStream<Uint8Array>(
      {
        start: (controller) => void (this.#controller = controller),
        pull: () => {
          this.#asked = true;
          this.#flush();
        },
        cancel: () => this.#finish(),
      },
      { highWaterMark: 0 },
    );
    this.#stayAlive();
  }

  /** Whether it wants the event, and has room for it; one that it wants and has no room for is counted. */
  wants({ type, source, bytes }: TideEvent): boolean {
    const { match, sensors } = this.#options;
    if (this.#left <= 0 || !match(type) || (sensors !== undefined && !sensors.has(source.sensor))) return false;
    if (this.#bytes + bytes <= BUFFER_BYTES && this.#spend()) return true;
    this.#missed++;
    return false;
  }

  put(message: Buffer): void {
    this.#tellMissed();
    this.#add(message);
    this.#left--;
    this.#flush();
  }

  end(): void {
    if (this.#ended) return;
    this.#controller?.close();
    this.#finish();
  }

  #spend(): boolean {
    const { rate } = this.#options;
    if (rate === undefined) return true;
    const now = this.#clock.monotonic();
    this.#credit = Math.min(Math.max(1, rate), this.#credit + ((now - this.#at) * rate) / 1000);
    this.#at = now;
    if (this.#credit < 1) return false;
    this.#credit--;
    return true;
  }

  #tellMissed(): void {
    if (this.#missed === 0) return;
    this.#add(Buffer.from(`event: missed\ndata: {"events":${this.#missed}}\n\n`));
    this.#missed = 0;
  }

  #add(message: Buffer): void {
    this.#waiting.push(message);
    this.#bytes += message.length;
  }

  /** Gives the reader everything there is, if it has asked for more. */
  #flush(): void {
    if (this.#ended || !this.#asked) return;
    if (this.#waiting.length === 0) this.#tellMissed();
    if (this.#waiting.length === 0) return;
    const pieces = this.#waiting.splice(0);
    this.#bytes = 0;
    this.#asked = false;
    this.#controller?.enqueue(pieces.length === 1 ? (pieces[0] as Buffer) : Buffer.concat(pieces));
    this.#stayAlive();
    if (this.#left <= 0) this.end();
  }

  /** A proxy or a browser takes a silent connection for a dead one. */
  #stayAlive(): void {
    this.#cancelAlive();
    this.#cancelAlive = this.#clock.after(ALIVE_MS, () => {
      if (this.#asked) this.#add(COMMENT);
      this.#flush();
      this.#stayAlive();
    });
  }

  #finish(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#cancelAlive();
    this.#onEnd();
  }
}

const COMMENT = Buffer.from(':\n\n');
