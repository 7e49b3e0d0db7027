/**
 * Events as MessagePack, format 1. https://github.com/msgpack/msgpack/blob/master/spec.md
 *
 * As in JSON, what does not change between two events of the same rows is encoded once, by the library, and copied; the values are
 * written here, an integer below 2^32 in its shortest form and every other number as float 64.
 */
import { Encoder } from '@msgpack/msgpack';
import type { Cell, Field, Layout, Schema, Source, TideEvent } from '../event.ts';
import { FORMAT_VERSION } from './format.ts';
import { bytesOf, type LayoutSegments, Output, SegmentCache, type SourceSegments } from './output.ts';
import { type Packed, Packer, unpack } from './packed.ts';

const NIL = 0xc0;
const FLOAT64 = 0xcb;
const UINT8 = 0xcc;
const UINT16 = 0xcd;
const UINT32 = 0xce;
const STR8 = 0xd9;
const STR16 = 0xda;
const ARRAY16 = 0xdc;
const MAP16 = 0xde;
const ARRAY32 = 0xdd;
/** The longest encoding of a number, in bytes. */
const NUMBER_BYTES_MAX = 9;
/** Header and digits of an id, in bytes. */
const ID_BYTES_MAX = 24;

interface MsgpackSource extends SourceSegments {
  readonly idPrefix: Uint8Array;
}

export class MsgpackEncoder {
  readonly #segments = new SegmentCache(sourceSegments, layoutSegments);
  readonly #output = new Output();

  /** The event's bytes, in a buffer that the next `encode` overwrites: write or copy them at once. */
  encode(event: TideEvent): Buffer {
    const { schema, layout, values, absent } = event.table;
    // Without fields there is one segment and no value behind it.
    const rows = schema.fieldNames.length === 0 ? 0 : layout.rows;
    const { head, idPrefix, about, bytes: sourceBytes } = this.#segments.source(event);
    const segments = this.#segments.layout(event);
    const { beforeTime, beforeValues, bytes } = segments;
    const output = this.#output;
    output.reserve(sourceBytes + bytes + (values.length + 1) * NUMBER_BYTES_MAX + ID_BYTES_MAX);
    let at = output.copy(head, 0);
    at = id(output, idPrefix, event.n, at);
    at = output.copy(beforeTime, at);
    at = number(output, event.time, at);
    at = output.copy(about, at);
    at = unpack(segments.rows, output.buffer, at);
    let cell = 0;
    for (const before of beforeValues) {
      at = output.copy(before, at);
      for (const end = cell + rows; cell < end; cell++) {
        if (absent?.[cell]) output.buffer[at++] = NIL;
        else at = number(output, values[cell] as number, at);
      }
    }
    return output.buffer.subarray(0, at);
  }
}

function id(output: Output, prefix: Uint8Array, n: number, at: number): number {
  const digits = `${n}`;
  const next = output.copy(prefix, strHeader(output.buffer, at, prefix.length + digits.length));
  return output.ascii(digits, next);
}

function number({ buffer, view }: Output, value: number, at: number): number {
  const integer = value >>> 0;
  if (integer !== value || Object.is(value, -0)) {
    buffer[at] = FLOAT64;
    view.setFloat64(at + 1, value);
    return at + 9;
  }
  if (integer < 0x80) {
    buffer[at] = integer;
    return at + 1;
  }
  if (integer < 0x100) {
    buffer[at] = UINT8;
    buffer[at + 1] = integer;
    return at + 2;
  }
  if (integer < 0x10000) {
    buffer[at] = UINT16;
    view.setUint16(at + 1, integer);
    return at + 3;
  }
  buffer[at] = UINT32;
  view.setUint32(at + 1, integer);
  return at + 5;
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

const membersHeader = (members: number): Uint8Array =>
  members < 16 ? mapHeader(members) : Uint8Array.of(MAP16, members >> 8, members & 0xff);

const value = (data: unknown): Uint8Array => new Encoder().encode(data);

function sourceSegments({ agent, run, sensor, host, labels }: Source): MsgpackSource {
  const parts = {
    head: Buffer.concat([mapHeader(10), value('v'), value(FORMAT_VERSION), value('id')]),
    idPrefix: Buffer.from(`${agent}/${run}/${sensor}/`),
    about: Buffer.concat(['host', host, 'sensor', sensor, 'labels', labels].map(value)),
  };
  return { ...parts, bytes: bytesOf([parts.head, parts.idPrefix, parts.about]) };
}

function layoutSegments(schema: Schema, layout: Layout): LayoutSegments {
  const beforeValues = schema.fieldNames.map((name) => {
    const { kind, unit } = schema.fields[name] as Field;
    const members = ['kind', kind, 'unit', unit, 'values'].map(value);
    return Buffer.concat([value(name), mapHeader(3), ...members, arrayHeader(layout.rows)]);
  });
  const parts = {
    beforeTime: Buffer.concat([value('type'), value(schema.type), value('time')]),
    rows: rowSegment(schema, layout),
    // Without fields there is one segment, with nothing in it.
    beforeValues: beforeValues.length > 0 ? beforeValues : [new Uint8Array()],
  };
  return { schema, ...parts, tail: new Uint8Array(), bytes: bytesOf([parts.beforeTime, parts.rows, ...parts.beforeValues]) };
}

function rowSegment({ attributes, maps, fieldNames }: Schema, { rows, attributes: columns }: Layout): Packed {
  const encoder = new Encoder();
  const packer = new Packer<Cell>((cell) => encoder.encode(cell));
  for (const part of ['rows', rows, 'attributes'].map(value)) packer.add(part);
  packer.add(membersHeader(attributes.length));
  attributes.forEach((name, a) => {
    const cells = columns[a] as readonly Cell[];
    packer.add(value(name));
    // Only labels come again so often that it is worth while.
    if (maps.length === 0) return packer.add(value(cells));
    packer.add(arrayHeader(rows));
    for (const cell of cells) packer.addKnown(cell);
  });
  packer.add(value('fields'));
  packer.add(membersHeader(fieldNames.length));
  return packer.build();
}
