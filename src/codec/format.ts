/**
 * Format 1, the wire format: what an encoded event holds, whichever encoding carries it.
 *
 * A message needs nothing but itself, and a version-1 message stays readable for ever. JSON and MessagePack have the same members; in
 * JSON the three non-numbers are the strings `NaN`, `+Inf` and `-Inf`. Absent is `null` in both.
 */
import type { Cell, Field, Kind, LabelMap, TideEvent } from '../event.ts';

export const FORMAT_VERSION = 1;

/** A field column of a decoded event: one number a row, null where it is absent. */
export interface DecodedField {
  kind: Kind;
  unit: string;
  values: (number | null)[];
}

/** An event as it comes out of a message. */
export interface DecodedEvent {
  /** Version of the format. */
  v: 1;
  /** Agent, run, sensor, number; the same on every repeat of the event. */
  id: string;
  type: string;
  /** Unix time in milliseconds. */
  time: number;
  host: string;
  sensor: string;
  labels: LabelMap;
  rows: number;
  /** By attribute, one cell a row. */
  attributes: Record<string, Cell[]>;
  fields: Record<string, DecodedField>;
}

/** What decoding an event's encoding yields, taken directly from the event. */
export function toDecoded(event: TideEvent): DecodedEvent {
  const { schema, layout, values, absent } = event.table;
  const attributes: Record<string, Cell[]> = {};
  schema.attributes.forEach((name, a) => {
    attributes[name] = [...(layout.attributes[a] as readonly Cell[])];
  });
  const fields: Record<string, DecodedField> = {};
  schema.fieldNames.forEach((name, f) => {
    const { kind, unit } = schema.fields[name] as Field;
    const column = Array.from({ length: layout.rows }, (_, r) => {
      const at = f * layout.rows + r;
      return absent?.[at] ? null : (values[at] as number);
    });
    fields[name] = { kind, unit, values: column };
  });
  const { host, sensor, labels } = event.source;
  return {
    v: 1,
    id: event.id,
    type: schema.type,
    time: event.time,
    host,
    sensor,
    labels: { ...labels },
    rows: layout.rows,
    attributes,
    fields,
  };
}
