/**
 * Events as MessagePack, format 1. https://github.com/msgpack/msgpack/blob/master/spec.md
 *
 * As in JSON, what does not change between two events of the same rows is encoded once, by the library, and copied; the values are
 * written here, an integer below 2^32 in its shortest form and every other number as float 64.
 */
import { Encoder } from '@msgpack/msgpack';
import type { Field, Layout, Schema, Source, TideEvent } from '../event.ts';
import { FORMAT_VERSION } from './format.ts';

const NIL = 0xc0;
const FLOAT64 = 0xcb;
const UINT8 = 0xcc;
const UINT16 = 0xcd;
const UINT32 = 0xce;
const STR8 = 0xd9;
const STR16 = 0xda;
const ARRAY16 = 0xdc;
const ARRAY32 = 0xdd;
/** The longest encoding of a number, in bytes. */
const NUMBER_BYTES_MAX = 9;
/** First size of the output buffer, in bytes; it doubles when an event needs more, and never shrinks. */
const OUTPUT_BYTES = 16 * 1024;

interface Segments {
  readonly source: Source;
  readonly schema: Schema;
  /** Up to the header of the id. */
  readonly head: Uint8Array;
  readonly idPrefix: Uint8Array;
  /** From behind the id up to the time. */
  readonly beforeTime: Uint8Array;
  /** What stands before the values of each field; the first has everything since the time. */
  readonly beforeValues: readonly Uint8Array[];
  /** Bytes of all segments. */
  readonly bytes: number;
}

export class MsgpackEncoder {
  readonly #segments = new WeakMap<Layout, Segments>();
  #output = Buffer.allocUnsafeSlow(OUTPUT_BYTES);
  #view = new DataView(this.#output.buffer);

  /** The event's bytes, in a buffer that the next `encode` overwrites: write or copy them at once. */
  encode(event: TideEvent): Buffer {
    const { schema, layout, values, absent } = event.table;
    // Without fields there is one segment and no value behind it.
    const rows = schema.fieldNames.length === 0 ? 0 : layout.rows;
    const parts = this.#segmentsOf(event);
    this.#reserve(parts.bytes + values.length * NUMBER_BYTES_MAX + 64);
    const output = this.#output;
    let at = this.#copy(parts.head, 0);
    at = this.#id(parts.idPrefix, event.n, at);
    at = this.#copy(parts.beforeTime, at);
    at = this.#number(event.time, at);
    let cell = 0;
    for (const before of parts.beforeValues) {
      at = this.#copy(before, at);
      for (const end = cell + rows; cell < end; cell++) {
        if (absent?.[cell]) output[at++] = NIL;
        else at = this.#number(values[cell] as number, at);
      }
    }
    return output.subarray(0, at);
  }

  #segmentsOf({ source, table: { schema, layout } }: TideEvent): Segments {
    const known = this.#segments.get(layout);
    if (known?.source === source && known.schema === schema) return known;
    const made = segments(source, schema, layout);
    this.#segments.set(layout, made);
    return made;
  }

  #reserve(bytes: number): void {
    if (this.#output.length >= bytes) return;
    this.#output = Buffer.allocUnsafeSlow(2 ** Math.ceil(Math.log2(bytes)));
    this.#view = new DataView(this.#output.buffer);
  }

  #copy(segment: Uint8Array, at: number): number {
    this.#output.set(segment, at);
    return at + segment.length;
  }

  #id(prefix: Uint8Array, n: number, at: number): number {
    const digits = `${n}`;
    const length = prefix.length + digits.length;
    let next = strHeader(this.#output, at, length);
    next = this.#copy(prefix, next);
    this.#output.write(digits, next, 'latin1');
    return next + digits.length;
  }

  #number(value: number, at: number): number {
    const output = this.#output;
    const integer = value >>> 0;
    if (integer !== value || Object.is(value, -0)) {
      output[at] = FLOAT64;
      this.#view.setFloat64(at + 1, value);
      return at + 9;
    }
    if (integer < 0x80) {
      output[at] = integer;
      return at + 1;
    }
    if (integer < 0x100) {
      output[at] = UINT8;
      output[at + 1] = integer;
      return at + 2;
    }
    if (integer < 0x10000) {
      output[at] = UINT16;
      this.#view.setUint16(at + 1, integer);
      return at + 3;
    }
    output[at] = UINT32;
    this.#view.setUint32(at + 1, integer);
    return at + 5;
  }
}

/** Writes the header of a string that is not a short one; an id never is. */
function strHeader(output: Uint8Array, at: number, length: number): number {
  if (length < 0x100) {
    output.set([STR8, length], at);
    return at + 2;
  }
  output.set([STR16, length >> 8, length & 0xff], at);
  return at + 3;
}

function arrayHeader(length: number): Uint8Array {
  if (length < 16) return Uint8Array.of(0x90 | length);
  if (length < 0x10000) return Uint8Array.of(ARRAY16, length >> 8, length & 0xff);
  return Uint8Array.of(ARRAY32, length >>> 24, (length >> 16) & 0xff, (length >> 8) & 0xff, length & 0xff);
}

/** Header of a map of fewer than 16 members. */
const mapHeader = (members: number): Uint8Array => Uint8Array.of(0x80 | members);

function segments(source: Source, schema: Schema, layout: Layout): Segments {
  const encoder = new Encoder();
  const value = (data: unknown): Uint8Array => encoder.encode(data);
  const { agent, run, sensor, host, labels } = source;
  const attributes = Object.fromEntries(schema.attributes.map((name, a) => [name, layout.attributes[a]]));
  const { length } = schema.fieldNames;
  const fields = length < 16 ? mapHeader(length) : Uint8Array.of(0xde, length >> 8, length & 0xff);
  const middle = [
    ...['host', host, 'sensor', sensor, 'labels', labels, 'rows', layout.rows, 'attributes', attributes, 'fields'].map(value),
    fields,
  ];
  const beforeValues = schema.fieldNames.map((name, f) => {
    const { kind, unit } = schema.fields[name] as Field;
    const members = ['kind', kind, 'unit', unit, 'values'].map(value);
    return Buffer.concat([...(f === 0 ? middle : []), value(name), mapHeader(3), ...members, arrayHeader(layout.rows)]);
  });
  const parts = {
    head: Buffer.concat([mapHeader(10), value('v'), value(FORMAT_VERSION), value('id')]),
    idPrefix: Buffer.from(`${agent}/${run}/${sensor}/`),
    beforeTime: Buffer.concat([value('type'), value(schema.type), value('time')]),
    beforeValues: beforeValues.length > 0 ? beforeValues : [Buffer.concat(middle)],
  };
  const bytes = [parts.head, parts.idPrefix, parts.beforeTime, ...parts.beforeValues].reduce((sum, part) => sum + part.length, 0);
  return { source, schema, ...parts, bytes };
}
