/** An event that came by, as the event that it was: what prints events takes those. */
import type { DecodedEvent, DecodedField } from '../../codec/format.ts';
import { type Cell, createLayout, createSource, type Field, type Schema, TideEvent } from '../../event.ts';
import { type Signs, shown } from '../live/text.ts';

/** Names and units are made printable here, cells by whoever prints them; names that became equal stay columns of their own. */
export function eventOf(decoded: DecodedEvent, signs: Signs): TideEvent {
  const { id, type, time, host, sensor, labels, rows, attributes, fields } = decoded;
  const [agent = '', run = ''] = id.split('/');
  const schema = schemaOf(type, Object.keys(attributes), Object.entries(fields), signs);
  const values = new Float64Array(rows * schema.fieldNames.length);
  const absent = new Uint8Array(values.length);
  for (const [f, { values: column }] of Object.values(fields).entries())
    for (const [r, value] of column.entries()) {
      if (value === null) absent[f * rows + r] = 1;
      else values[f * rows + r] = value;
    }
  const layout = createLayout(
    rows,
    Object.values(attributes).map((column) => column.map((cell) => cellOf(cell, signs))),
  );
  const source = createSource({ agent, run, sensor: shown(sensor, signs), host: shown(host, signs), labels });
  return new TideEvent(source, Number(id.slice(id.lastIndexOf('/') + 1)), time, { schema, layout, values, absent });
}

function schemaOf(type: string, attributes: readonly string[], fields: readonly [string, DecodedField][], signs: Signs): Schema {
  const named: Record<string, Field> = Object.create(null) as Record<string, Field>;
  const fieldNames = fields.map(([name, { kind, unit }]) => {
    const own = shown(name, signs);
    named[own] = { kind, unit: shown(unit, signs), doc: '' };
    return own;
  });
  return {
    type: shown(type, signs),
    doc: '',
    attributes: attributes.map((name) => shown(name, signs)),
    maps: [],
    fields: named,
    fieldNames,
  };
}

const cellOf = (cell: Cell, signs: Signs): Cell =>
  typeof cell === 'string'
    ? shown(cell, signs)
    : Object.fromEntries(Object.entries(cell).map(([name, value]) => [shown(name, signs), shown(value, signs)]));
