/**
 * Events as JSON, format 1.
 *
 * While a sensor's rows are the same rows, everything but the number of the event, its time and its values is the same text: that
 * text is made once for each layout, as segments between which the values go.
 */
import type { Field, Layout, Schema, Source, TideEvent } from '../event.ts';
import { FORMAT_VERSION } from './format.ts';

interface Segments {
  readonly source: Source;
  readonly schema: Schema;
  /** Up to the number in the id. */
  readonly head: string;
  /** From behind the id up to the time. */
  readonly beforeTime: string;
  /** What stands before the values of each field; the first has everything since the time. */
  readonly beforeValues: readonly string[];
  readonly tail: string;
}

export class JsonEncoder {
  readonly #segments = new WeakMap<Layout, Segments>();

  /** The event as one line of JSON, without the newline. */
  encode(event: TideEvent): string {
    const { schema, layout, values, absent } = event.table;
    // Without fields there is one segment and no value behind it.
    const rows = schema.fieldNames.length === 0 ? 0 : layout.rows;
    const { head, beforeTime, beforeValues, tail } = this.#segmentsOf(event);
    let text = `${head}${event.n}${beforeTime}${event.time}`;
    let at = 0;
    for (const before of beforeValues) {
      text += before;
      for (const end = at + rows; at < end; at++) {
        const number = absent?.[at] ? 'null' : jsonNumber(values[at] as number);
        text += at + 1 < end ? `${number},` : number;
      }
    }
    return text + tail;
  }

  #segmentsOf({ source, table: { schema, layout } }: TideEvent): Segments {
    const known = this.#segments.get(layout);
    if (known?.source === source && known.schema === schema) return known;
    const made = segments(source, schema, layout);
    this.#segments.set(layout, made);
    return made;
  }
}

function segments(source: Source, schema: Schema, layout: Layout): Segments {
  const json = JSON.stringify;
  const { agent, run, sensor, host, labels } = source;
  const attributes = schema.attributes.map((name, a) => `${json(name)}:${json(layout.attributes[a])}`);
  const middle = `,"host":${json(host)},"sensor":${json(sensor)},"labels":${json(labels)},"rows":${layout.rows},"attributes":{${attributes.join(',')}},"fields":{`;
  const beforeValues = schema.fieldNames.map((name, f) => {
    const { kind, unit } = schema.fields[name] as Field;
    return `${f === 0 ? middle : ']},'}${json(name)}:{"kind":"${kind}","unit":${json(unit)},"values":[`;
  });
  return {
    source,
    schema,
    head: `{"v":${FORMAT_VERSION},"id":${json(`${agent}/${run}/${sensor}/`).slice(0, -1)}`,
    beforeTime: `","type":${json(schema.type)},"time":`,
    beforeValues: beforeValues.length > 0 ? beforeValues : [middle],
    tail: beforeValues.length > 0 ? ']}}}' : '}}',
  };
}

/** A number as JSON text that `JSON.parse` turns into the same number; what is no number becomes a string. */
function jsonNumber(value: number): string {
  if (value === 0) return Object.is(value, -0) ? '-0' : '0';
  if (value - value === 0) return `${value}`;
  if (value > 0) return '"+Inf"';
  return value < 0 ? '"-Inf"' : '"NaN"';
}
