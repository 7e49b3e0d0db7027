/**
 * Tables as Prometheus text 0.0.4, for programs that read nothing else.
 *
 * Names follow OpenTelemetry's rules for Prometheus: dots become underscores, the unit is a suffix in words, a counter ends in `_total`.
 * https://opentelemetry.io/docs/specs/otel/compatibility/prometheus_and_openmetrics/
 *
 * Two tables of one type are a histogram: one with the field `bucket`, whose last attribute is `le`, and one without that attribute and
 * with the fields `sum` and `count`. Its unit is that of the sum.
 */
import type { Cell, Field, Kind, Schema, Table } from '../event.ts';

const UNITS: Readonly<Record<string, string>> = {
  s: 'seconds',
  ms: 'milliseconds',
  By: 'bytes',
  'By/s': 'bytes_per_second',
  Cel: 'celsius',
  Hz: 'hertz',
  W: 'watts',
  J: 'joules',
  V: 'volts',
  A: 'amperes',
};

const TYPES: Readonly<Record<Kind, string>> = { counter: 'counter', updowncounter: 'gauge', gauge: 'gauge' };

/** The metric name of a field in Prometheus. */
function prometheusName(schema: Schema, field: string): string {
  const { kind, unit } = schema.fields[field] as Field;
  const suffix = unit === '1' && kind === 'gauge' ? 'ratio' : UNITS[unit];
  const withUnit = suffixed(legalName(`${schema.type}.${field}`), suffix);
  return kind === 'counter' && !withUnit.endsWith('_total') ? `${withUnit}_total` : withUnit;
}

const suffixed = (name: string, suffix: string | undefined): string =>
  suffix && !name.endsWith(`_${suffix}`) ? `${name}_${suffix}` : name;

/** A metric: its lines by what belongs together in them, in the order in which they came. */
interface Family {
  readonly head: string;
  readonly groups: Map<string, string>;
}

/** The samples of tables as one page, each metric once with its help and type. Absent values have no line. */
export function prometheusText(tables: readonly Table[]): string {
  const families = new Map<string, Family>();
  const histograms = new Set(tables.filter(({ schema }) => isBuckets(schema)).map(({ schema }) => schema.type));
  const units = new Map(
    tables.flatMap(({ schema }) =>
      isTotal(schema) ? [[schema.type, UNITS[(schema.fields['sum'] as Field).unit]] as const] : [],
    ),
  );
  for (const table of tables) {
    const { type } = table.schema;
    const isPart = isBuckets(table.schema) || (isTotal(table.schema) && histograms.has(type));
    if (isPart) addHistogram(families, suffixed(legalName(type), units.get(type)), table);
    else addTable(families, table);
  }
  let page = '';
  for (const { head, groups } of families.values()) {
    if (groups.size === 0) continue;
    page += head;
    for (const lines of groups.values()) page += lines;
  }
  return page;
}

const isBuckets = ({ attributes, fieldNames }: Schema): boolean =>
  attributes.at(-1) === 'le' && fieldNames.length === 1 && fieldNames[0] === 'bucket';
const isTotal = ({ fieldNames }: Schema): boolean =>
  fieldNames.length === 2 && fieldNames[0] === 'sum' && fieldNames[1] === 'count';

function addTable(families: Map<string, Family>, table: Table): void {
  const { schema, layout, values, absent } = table;
  const labels = labelsOf(table, schema.attributes.length).map((text) => (text === '' ? '' : `{${text}}`));
  schema.fieldNames.forEach((field, f) => {
    const name = prometheusName(schema, field);
    const { kind, doc } = schema.fields[field] as Field;
    let lines = '';
    for (let r = 0; r < layout.rows; r++) {
      const at = f * layout.rows + r;
      if (!absent?.[at]) lines += `${name}${labels[r]} ${numberText(values[at] as number)}\n`;
    }
    if (lines !== '') addLines(familyOf(families, name, TYPES[kind], doc), '', lines);
  });
}

/** Buckets, sum and count of one histogram stand together. */
function addHistogram(families: Map<string, Family>, name: string, table: Table): void {
  const { schema, layout, values } = table;
  const buckets = isBuckets(schema);
  const family = familyOf(families, name, 'histogram', schema.doc);
  const keys = labelsOf(table, schema.attributes.length - (buckets ? 1 : 0));
  keys.forEach((key, r) => {
    if (buckets) {
      const le = `le="${escapeValue(layout.attributes.at(-1)?.[r] as string)}"`;
      const labels = key === '' ? le : `${key},${le}`;
      addLines(family, key, `${name}_bucket{${labels}} ${numberText(values[r] as number)}\n`);
    } else {
      const labels = key === '' ? '' : `{${key}}`;
      const [sum, count] = [values[r] as number, values[layout.rows + r] as number];
      addLines(family, key, `${name}_sum${labels} ${numberText(sum)}\n${name}_count${labels} ${numberText(count)}\n`);
    }
  });
}

function familyOf(families: Map<string, Family>, name: string, type: string, doc: string): Family {
  const known = families.get(name);
  if (known) return known;
  const made = { head: `# HELP ${name} ${escapeHelp(doc)}\n# TYPE ${name} ${type}\n`, groups: new Map<string, string>() };
  families.set(name, made);
  return made;
}

const addLines = ({ groups }: Family, key: string, lines: string): void => {
  groups.set(key, (groups.get(key) ?? '') + lines);
};

/** The labels of each row, of its first `count` attributes, without braces. */
function labelsOf({ schema, layout }: Table, count: number): string[] {
  const names = schema.attributes.slice(0, count).map(legalName);
  const columns = layout.attributes.slice(0, count);
  const simple = new Set(names).size === count;
  return Array.from({ length: layout.rows }, (_, row) => {
    const cells = columns.map((column) => column[row] as Cell);
    return simple && cells.every(isText) ? textLabels(names, cells) : mixedLabels(names, cells);
  });
}

const isText = (cell: Cell): cell is string => typeof cell === 'string';

/** The usual case, which a page has thousands of. */
function textLabels(names: readonly string[], cells: readonly string[]): string {
  let labels = '';
  for (let a = 0; a < cells.length; a++) labels += `${a === 0 ? '' : ','}${names[a]}="${escapeValue(cells[a] as string)}"`;
  return labels;
}

/** Of a map each entry is a label; a name that is taken already is `exported_…`, as Prometheus has it. */
function mixedLabels(names: readonly string[], cells: readonly Cell[]): string {
  const labels = new Map<string, string>();
  cells.forEach((cell, a) => isText(cell) && labels.set(names[a] as string, cell));
  for (const map of cells) {
    if (isText(map)) continue;
    for (const [name, value] of Object.entries(map)) labels.set(freeName(legalName(name), labels), value);
  }
  return [...labels].map(([name, value]) => `${name}="${escapeValue(value)}"`).join(',');
}

function freeName(name: string, taken: ReadonlyMap<string, string>): string {
  return taken.has(name) ? freeName(`exported_${name}`, taken) : name;
}

const legalName = (name: string): string => name.replace(/[^A-Za-z0-9_]/g, '_').replace(/^(?=\d)/, '_');
const escapeHelp = (text: string): string => text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
const escapeValue = (text: string): string => (/["\\\n]/.test(text) ? escapeHelp(text).replaceAll('"', '\\"') : text);

function numberText(value: number): string {
  if (Number.isFinite(value) || Number.isNaN(value)) return `${value}`;
  return value > 0 ? '+Inf' : '-Inf';
}
