/**
 * Events as JSON, format 1.
 *
 * While a sensor's rows are the same rows, everything but the number of the event, its time and its values is the same text: those
 * bytes are made once for each layout, as segments between which the values go.
 */
import type { Cell, Field, Layout, Schema, Source, TideEvent } from '../event.ts';
import { FORMAT_VERSION } from './format.ts';
import { bytesOf, type LayoutSegments, Output, SegmentCache, type SourceSegments } from './output.ts';
import { type Packed, Packer, unpack } from './packed.ts';

/** The longest text of a number with a comma, in bytes: `-1.2345678901234567e-308,`. */
const NUMBER_BYTES_MAX = 25;
const [COMMA, MINUS, ZERO] = [44, 45, 48];
/** Integers of so many digits are written digit by digit; longer ones are left to the engine. */
const SMALL_MAX = 1e9;

export class JsonEncoder {
  readonly #segments = new SegmentCache(sourceSegments, layoutSegments);
  readonly #output = new Output();

  /** The event as one line of JSON, without the newline. */
  encode(event: TideEvent): string {
    return this.encodeBytes(event).toString();
  }

  /** The same as UTF-8, in a buffer that the next call overwrites: write or copy it at once. */
  encodeBytes(event: TideEvent): Buffer {
    const { schema, layout, values, absent } = event.table;
    // Without fields there is one segment and no value behind it.
    const rows = schema.fieldNames.length === 0 ? 0 : layout.rows;
    const { head, about, bytes: sourceBytes } = this.#segments.source(event);
    const segments = this.#segments.layout(event);
    const { beforeTime, beforeValues, tail, bytes } = segments;
    const output = this.#output;
    output.reserve(sourceBytes + bytes + (values.length + 2) * NUMBER_BYTES_MAX);
    let at = output.copy(head, 0);
    at = number(output, event.n, at);
    at = output.copy(beforeTime, at);
    at = number(output, event.time, at);
    at = output.copy(about, at);
    at = unpack(segments.rows, output.buffer, at);
    let cell = 0;
    for (const before of beforeValues) {
      at = output.copy(before, at);
      for (const end = cell + rows; cell < end; cell++) {
        at = absent?.[cell] ? output.ascii('null', at) : number(output, values[cell] as number, at);
        output.buffer[at++] = COMMA;
      }
      // The last comma gives way to what follows.
      if (rows > 0) at--;
    }
    return output.buffer.subarray(0, output.copy(tail, at));
  }
}

function sourceSegments({ agent, run, sensor, host, labels }: Source): SourceSegments {
  const json = JSON.stringify;
  const head = Buffer.from(`{"v":${FORMAT_VERSION},"id":${json(`${agent}/${run}/${sensor}/`).slice(0, -1)}`);
  const about = Buffer.from(`,"host":${json(host)},"sensor":${json(sensor)},"labels":${json(labels)}`);
  return { head, about, bytes: bytesOf([head, about]) };
}

function layoutSegments(schema: Schema, layout: Layout): LayoutSegments {
  const json = JSON.stringify;
  const beforeValues = schema.fieldNames.map((name, f) => {
    const { kind, unit } = schema.fields[name] as Field;
    return Buffer.from(`${f === 0 ? '' : ']},'}${json(name)}:{"kind":"${kind}","unit":${json(unit)},"values":[`);
  });
  const parts = {
    beforeTime: Buffer.from(`","type":${json(schema.type)},"time":`),
    rows: rowSegment(schema, layout),
    // Without fields there is one segment, with nothing in it.
    beforeValues: beforeValues.length > 0 ? beforeValues : [Buffer.alloc(0)],
    tail: Buffer.from(beforeValues.length > 0 ? ']}}}' : '}}'),
  };
  return { schema, ...parts, bytes: bytesOf([parts.beforeTime, parts.rows, ...parts.beforeValues, parts.tail]) };
}

function rowSegment({ attributes, maps }: Schema, { rows, attributes: columns }: Layout): Packed {
  const json = JSON.stringify;
  // Each cell is packed with the comma behind it, but for the last.
  const packer = new Packer<Cell>((cell) => Buffer.from(`${json(cell)},`));
  const say = (text: string): void => packer.add(Buffer.from(text));
  say(`,"rows":${rows},"attributes":{`);
  attributes.forEach((name, a) => {
    const cells = columns[a] as readonly Cell[];
    say(`${a === 0 ? '' : ','}${json(name)}:`);
    // Only labels come again so often that it is worth while.
    if (maps.length === 0 || rows === 0) return say(json(cells));
    say('[');
    for (let row = 0; row < rows - 1; row++) packer.addKnown(cells[row] as Cell);
    say(`${json(cells[rows - 1])}]`);
  });
  say('},"fields":{');
  return packer.build();
}

/** Writes a number as `JSON.parse` reads it back; what is no number becomes a string. */
function number(output: Output, value: number, at: number): number {
  if (value >= 0 && value < SMALL_MAX && value === (value | 0) && !Object.is(value, -0)) return digits(output.buffer, value, at);
  if (value - value === 0) {
    if (value !== 0) return output.ascii(`${value}`, at);
    output.buffer[at] = MINUS;
    output.buffer[at + 1] = ZERO;
    return at + 2;
  }
  if (value > 0) return output.ascii('"+Inf"', at);
  return output.ascii(value < 0 ? '"-Inf"' : '"NaN"', at);
}

function digits(buffer: Buffer, value: number, at: number): number {
  let length = 1;
  for (let power = 10; power <= value; power *= 10) length++;
  let left = value;
  for (let i = at + length - 1; i >= at; i--) {
    const rest = Math.floor(left / 10);
    buffer[i] = ZERO + (left - 10 * rest);
    left = rest;
  }
  return at + length;
}
