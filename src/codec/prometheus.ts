/**
 * Tables as Prometheus text 0.0.4, for programs that read nothing else.
 *
 * Names follow OpenTelemetry's rules for Prometheus: dots become underscores, the unit is a suffix in words, a counter ends in `_total`.
 * https://opentelemetry.io/docs/specs/otel/compatibility/prometheus_and_openmetrics/
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
  const name = legalName(`${schema.type}.${field}`);
  const withUnit = suffix && !name.endsWith(`_${suffix}`) ? `${name}_${suffix}` : name;
  return kind === 'counter' && !withUnit.endsWith('_total') ? `${withUnit}_total` : withUnit;
}

/** The samples of tables as one page, each metric once with its help and type. Absent values have no line. */
export function prometheusText(tables: readonly Table[]): string {
  const families = new Map<string, { head: string; lines: string[] }>();
  for (const table of tables) {
    for (const [f, field] of table.schema.fieldNames.entries()) {
      const name = prometheusName(table.schema, field);
      const { kind, doc } = table.schema.fields[field] as Field;
      const family = families.get(name) ?? {
        head: `# HELP ${name} ${escapeHelp(doc)}\n# TYPE ${name} ${TYPES[kind]}\n`,
        lines: [],
      };
      families.set(name, family);
      for (let r = 0; r < table.layout.rows; r++) {
        const at = f * table.layout.rows + r;
        if (!table.absent?.[at]) family.lines.push(`${name}${labelsOf(table, r)} ${numberText(table.values[at] as number)}\n`);
      }
    }
  }
  return [...families.values()].map(({ head, lines }) => (lines.length > 0 ? head + lines.join('') : '')).join('');
}

/** Attributes as labels. Of a map each entry is one; a name that is taken already is `exported_…`, as Prometheus has it. */
function labelsOf({ schema, layout }: Table, row: number): string {
  const labels = new Map<string, string>();
  for (const [a, name] of schema.attributes.entries()) {
    const cell = layout.attributes[a]?.[row] as Cell;
    if (typeof cell === 'string') labels.set(legalName(name), cell);
  }
  for (const [a] of schema.attributes.entries()) {
    const cell = layout.attributes[a]?.[row] as Cell;
    if (typeof cell === 'string') continue;
    for (const [name, value] of Object.entries(cell)) labels.set(freeName(legalName(name), labels), value);
  }
  const texts = [...labels].map(([name, value]) => `${name}="${escapeValue(value)}"`);
  return texts.length > 0 ? `{${texts.join(',')}}` : '';
}

function freeName(name: string, taken: ReadonlyMap<string, string>): string {
  return taken.has(name) ? freeName(`exported_${name}`, taken) : name;
}

const legalName = (name: string): string => name.replace(/[^A-Za-z0-9_]/g, '_').replace(/^(?=\d)/, '_');
const escapeHelp = (text: string): string => text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
const escapeValue = (text: string): string => escapeHelp(text).replaceAll('"', '\\"');

function numberText(value: number): string {
  if (Number.isFinite(value) || Number.isNaN(value)) return `${value}`;
  return value > 0 ? '+Inf' : '-Inf';
}
