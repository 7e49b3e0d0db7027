/** A page as text again: the text format, or OpenMetrics when the page is. Reading it gives the same samples. */
import type { LabelMap } from '../event.ts';
import type { Family, MetricType } from './families.ts';
import type { Reading } from './reader.ts';

/** All rows of a reading, each behind the description of its family when that is new. */
export function emit({ page, values, exemplars }: Reading): string {
  const { layout, openMetrics, families, timed, absent } = page;
  const [names, labels] = layout.attributes as [string[], LabelMap[]];
  const familyOf = familyFinder(families);
  const lines: string[] = [];
  const described = new Set<Family>();
  const exemplarOf = new Map(exemplars.map((exemplar) => [exemplar.row, exemplar]));
  for (let row = 0; row < layout.rows; row++) {
    const name = names[row] as string;
    const family = familyOf(name);
    if (family && !described.has(family)) lines.push(...describe(family, openMetrics));
    if (family) described.add(family);
    const stamp = timed && !absent?.[layout.rows + row] ? ` ${stampText(values[layout.rows + row] as number, openMetrics)}` : '';
    const exemplar = exemplarOf.get(row);
    const sampled = exemplar
      ? ` # ${labelsText([], exemplar.labels) || '{}'} ${numberText(exemplar.value)}${exemplar.timestamp === undefined ? '' : ` ${exemplar.timestamp}`}`
      : '';
    lines.push(`${seriesText(name, labels[row] as LabelMap)} ${numberText(values[row] as number)}${stamp}${sampled}`);
  }
  for (const family of families) if (!described.has(family)) lines.push(...describe(family, openMetrics));
  if (openMetrics) lines.push('# EOF');
  return lines.length === 0 ? '' : `${lines.join('\n')}\n`;
}

/** A number as every reader of these formats takes it. */
export function numberText(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  if (!Number.isFinite(value)) return value > 0 ? '+Inf' : '-Inf';
  return Object.is(value, -0) ? '-0' : `${value}`;
}

const LEGACY_METRIC = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const LEGACY_LABEL = /^[a-zA-Z_][a-zA-Z0-9_]*$/;

/** A series as text: `name{label="value"}`, with quotes where a name needs them. */
export function seriesText(name: string, labels: LabelMap): string {
  return LEGACY_METRIC.test(name) ? `${name}${labelsText([], labels)}` : labelsText([quoted(name)], labels);
}

function labelsText(first: readonly string[], labels: LabelMap): string {
  const pairs = Object.entries(labels).map(([key, text]) => `${LEGACY_LABEL.test(key) ? key : quoted(key)}=${quoted(text)}`);
  return first.length + pairs.length > 0 ? `{${[...first, ...pairs].join(',')}}` : '';
}

const quoted = (text: string): string => `"${text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('"', '\\"')}"`;

/** Seconds as the format writes its timestamps. */
const stampText = (seconds: number, openMetrics: boolean): string =>
  openMetrics ? `${seconds}` : `${Math.round(seconds * 1000)}`;

/** Types that the text format has no word for. */
const TEXT_WORDS: Partial<Record<MetricType, string>> = { unknown: 'untyped', info: 'gauge', stateset: 'gauge' };

function describe({ name, type, help, unit }: Family, openMetrics: boolean): string[] {
  const written = LEGACY_METRIC.test(name) ? name : quoted(name);
  const lines: string[] = [];
  if (help !== undefined) {
    const text = help.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
    lines.push(`# HELP ${written} ${openMetrics ? text.replaceAll('"', '\\"') : text}`);
  }
  if (type !== undefined) lines.push(`# TYPE ${written} ${(openMetrics ? undefined : TEXT_WORDS[type]) ?? type}`);
  if (unit !== undefined && openMetrics) lines.push(`# UNIT ${written} ${unit}`);
  return lines;
}

function familyFinder(families: readonly Family[]): (name: string) => Family | undefined {
  const byName = new Map(families.map((family) => [family.name, family]));
  return (name) => {
    const exact = byName.get(name);
    if (exact !== undefined) return exact;
    const at = name.lastIndexOf('_');
    return at > 0 ? byName.get(name.slice(0, at)) : undefined;
  };
}
