/** A buffer that encoders write into, one message after another, and what they keep of a layout. */
import type { Layout, Schema, Source, TideEvent } from '../event.ts';
import type { Packed } from './packed.ts';

/** First size, in bytes; it doubles when a message needs more, and never shrinks. */
const OUTPUT_BYTES = 16 * 1024;

/** Grows before a message, never within one: the encoder says first how long it may get. */
export class Output {
  buffer = Buffer.allocUnsafeSlow(OUTPUT_BYTES);
  view = new DataView(this.buffer.buffer);

  reserve(bytes: number): void {
    if (this.buffer.length >= bytes) return;
    this.buffer = Buffer.allocUnsafeSlow(2 ** Math.ceil(Math.log2(bytes)));
    this.view = new DataView(this.buffer.buffer);
  }

  /** Writes a segment at an offset and returns the offset behind it. */
  copy(segment: Uint8Array, at: number): number {
    this.buffer.set(segment, at);
    return at + segment.length;
  }

  /** Writes ASCII text, which is short, so that a call of its own would cost more than it does. */
  ascii(text: string, at: number): number {
    for (let i = 0; i < text.length; i++) this.buffer[at + i] = text.charCodeAt(i);
    return at + text.length;
  }
}

/** What an encoder makes once for the events of one layout, and copies into each. */
export interface LayoutSegments {
  readonly schema: Schema;
  /** From behind the id up to the time. */
  readonly beforeTime: Uint8Array;
  /** Number of rows and attributes: what stands between what is said of the source and the fields. */
  readonly rows: Packed;
  /** What stands before the values of each field. */
  readonly beforeValues: readonly Uint8Array[];
  readonly tail: Uint8Array;
  /** Bytes of all segments, copied out. */
  readonly bytes: number;
}

/** What an encoder makes once for a source. */
export interface SourceSegments {
  /** Up to the number in the id; in MessagePack up to the header of the id. */
  readonly head: Uint8Array;
  /** From behind the time up to the rows: host, sensor and labels. */
  readonly about: Uint8Array;
  readonly bytes: number;
}

/** Keeps the segments of each source and each layout for as long as it lives. Targets that write the same page share a layout, and so its segments. */
export class SegmentCache<S extends SourceSegments> {
  readonly #sources = new WeakMap<Source, S>();
  readonly #layouts = new WeakMap<Layout, LayoutSegments>();
  readonly #ofSource: (source: Source) => S;
  readonly #ofLayout: (schema: Schema, layout: Layout) => LayoutSegments;

  constructor(ofSource: (source: Source) => S, ofLayout: (schema: Schema, layout: Layout) => LayoutSegments) {
    this.#ofSource = ofSource;
    this.#ofLayout = ofLayout;
  }

  source({ source }: TideEvent): S {
    const known = this.#sources.get(source);
    if (known) return known;
    const made = this.#ofSource(source);
    this.#sources.set(source, made);
    return made;
  }

  layout({ table: { schema, layout } }: TideEvent): LayoutSegments {
    const known = this.#layouts.get(layout);
    if (known?.schema === schema) return known;
    const made = this.#ofLayout(schema, layout);
    this.#layouts.set(layout, made);
    return made;
  }
}

export const bytesOf = (parts: readonly { readonly length: number }[]): number =>
  parts.reduce((sum, part) => sum + part.length, 0);
