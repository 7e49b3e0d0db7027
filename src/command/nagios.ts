/**
 * What a plugin of Nagios, Icinga or Sensu prints: https://nagios-plugins.org/doc/guidelines.html (Plugin Output, Performance data).
 *
 *   text | perfdata
 *   long text
 *   long text | perfdata, and all lines after that
 *
 * Values become base units: seconds, bytes, ratios. Thresholds are ranges (`10`, `10:20`, `~:20`, `@10:20`); their upper end is taken, which
 * is what a bare number is.
 */

export const STATES = ['ok', 'warning', 'critical', 'unknown'] as const;

export interface Measure {
  readonly label: string;
  /** UCUM: `s`, `By`, `1`, or as the plugin has it. */
  readonly unit: string;
  readonly counter: boolean;
  readonly value: number | undefined;
  readonly warning: number | undefined;
  readonly critical: number | undefined;
  readonly min: number | undefined;
  readonly max: number | undefined;
}

export interface Nagios {
  readonly status: number;
  readonly text: string;
  readonly perfdata: readonly Measure[];
  /** Pieces of performance data that are none. */
  readonly problems: readonly string[];
}

const UNITS: Readonly<Record<string, readonly [unit: string, factor: number]>> = {
  '': ['1', 1],
  s: ['s', 1],
  ms: ['s', 1e-3],
  us: ['s', 1e-6],
  ns: ['s', 1e-9],
  m: ['s', 60],
  h: ['s', 3600],
  d: ['s', 86_400],
  '%': ['1', 1e-2],
  B: ['By', 1],
  KB: ['By', 1024],
  MB: ['By', 1024 ** 2],
  GB: ['By', 1024 ** 3],
  TB: ['By', 1024 ** 4],
  KiB: ['By', 1024],
  MiB: ['By', 1024 ** 2],
  GiB: ['By', 1024 ** 3],
  TiB: ['By', 1024 ** 4],
  c: ['1', 1],
};

const NUMBER = String.raw`[-+]?(?:\d+(?:[.,]\d*)?|[.,]\d+)(?:[eE][-+]?\d+)?`;
const PIECE = new RegExp(String.raw`('(?:[^']|'')+'|[^\s'=]+)=(\S*)`, 'gy');
const VALUE = new RegExp(`^(${NUMBER})([^0-9;]*)$`);

export function parseNagios(output: string, status: number): Nagios {
  const [first = '', ...more] = output.split(/\r?\n/);
  const [text = '', ...data] = first.split('|');
  const rest = more.join('\n');
  const bar = rest.indexOf('|');
  const perfdata: Measure[] = [];
  const problems: string[] = [];
  for (const part of [data.join('|'), bar < 0 ? '' : rest.slice(bar + 1)]) readPerfdata(part, perfdata, problems);
  return { status, text: text.trim(), perfdata, problems };
}

function readPerfdata(text: string, into: Measure[], problems: string[]): void {
  for (let at = 0; at < text.length; ) {
    const blank = /\s*/y;
    blank.lastIndex = at;
    blank.exec(text);
    at = blank.lastIndex;
    if (at >= text.length) return;
    PIECE.lastIndex = at;
    const [whole, name = '', body = ''] = PIECE.exec(text) ?? [];
    const measure = whole === undefined ? undefined : measureOf(name, body);
    const end = whole === undefined ? endOf(text, at) : at + whole.length;
    if (measure) into.push(measure);
    else problems.push(text.slice(at, end));
    at = end;
  }
}

/** Where the blank after a piece is. */
function endOf(text: string, from: number): number {
  const found = text.slice(from).search(/\s/);
  return found < 0 ? text.length : from + found;
}

function measureOf(name: string, body: string): Measure | undefined {
  const label = name.startsWith("'") ? name.slice(1, -1).replaceAll("''", "'") : name;
  const [first = '', warning = '', critical = '', min = '', max = ''] = body.split(';');
  const [, number, suffix = ''] = VALUE.exec(first) ?? [];
  // U is a value that could not be determined.
  if (number === undefined && first !== 'U') return undefined;
  const [unit, factor] = Object.hasOwn(UNITS, suffix) ? (UNITS[suffix] as [string, number]) : [suffix, 1];
  const scaled = (text: string | undefined): number | undefined => {
    const plain = text?.replace(',', '.');
    if (plain === undefined || plain === '' || !Number.isFinite(Number(plain))) return undefined;
    return factor < 1 ? Number(plain) / Math.round(1 / factor) : Number(plain) * factor;
  };
  const end = (range: string): number | undefined => scaled(range.replace(/^@/, '').split(':').at(-1));
  return {
    label,
    unit,
    counter: suffix === 'c',
    value: scaled(number),
    warning: end(warning),
    critical: end(critical),
    min: scaled(min),
    max: scaled(max),
  };
}
