/** What `tidegate verify` found: a table of streams for people, with what is lost and missing, and the verdict; or JSON for programs. */
import type { AuditedStream, AuditResult, Examples } from '../verify/audit.ts';
import { count, disorderOf, type Judged, lostOf, type Verdict } from '../verify/verdict.ts';
import type { Context } from './context.ts';
import type { Paint } from './paint.ts';
import { type Column, renderTable } from './table.ts';

/** Streams, and ranges of one stream, that people are shown; programs get all. */
const STREAMS_SHOWN = 40;
const RANGES_SHOWN = 12;

export interface Report {
  readonly what: string;
  readonly by: 'sequence' | 'id';
  readonly remarks: readonly string[];
  readonly result: AuditResult;
  readonly judged: Judged;
}

/** One JSON object on a line. */
export function toJson({ what, by, remarks, result, judged: { verdict, sentences, totals } }: Report): string {
  return `${JSON.stringify({ source: what, by, verdict, sentences, totals, remarks, ...result })}\n`;
}

export function toText(report: Report, { paint, out }: Pick<Context, 'paint' | 'out'>): string {
  const { what, by, remarks, result, judged } = report;
  const lines = [paint.bold(printable(what)), ''];
  if (result.streams.length > 0) lines.push(...table(result.streams, by, out.columns, paint), '');
  const details = result.streams.flatMap((stream) => detailsOf(stream, by, paint)).slice(0, 4 * STREAMS_SHOWN);
  if (details.length > 0) lines.push(...details, '');
  lines.push(`${count(result.events, 'event')}, ${count(result.repeats, 'repeat')}${aside(result)}`);
  lines.push(...examples('not of tidegate', result.foreign), ...examples('cannot be read', result.broken));
  lines.push(...examples('one number, two events', result.conflicts));
  lines.push(...remarks.map((remark) => paint.dim(printable(remark))));
  const colour = COLOURS[judged.verdict];
  return `${[...lines, ...judged.sentences.map((sentence) => paint[colour](sentence))].join('\n')}\n`;
}

const COLOURS: Readonly<Record<Verdict, 'green' | 'yellow' | 'red'>> = {
  complete: 'green',
  explained: 'yellow',
  partial: 'yellow',
  unfinished: 'yellow',
  faulty: 'red',
  empty: 'yellow',
};

function table(streams: readonly AuditedStream[], by: Report['by'], width: number | undefined, paint: Paint): string[] {
  // What is wrong comes first where not all are shown.
  const wrong = (stream: AuditedStream): number => Math.sign(stream.unexplained + disorderOf(stream));
  const ordered = streams.length > STREAMS_SHOWN ? streams.toSorted((a, b) => wrong(b) - wrong(a)) : streams;
  const shown = ordered.slice(0, STREAMS_SHOWN);
  const columns: Column[] = [
    { head: 'agent' },
    { head: 'run' },
    { head: by === 'sequence' ? 'lane' : 'sensor' },
    ...['numbers', 'repeats', 'disorder', ...(by === 'sequence' ? ['lost', 'missing'] : ['not here'])].map(
      (head): Column => ({ head, align: 'right' }),
    ),
  ];
  const cell = (n: number, colour: 'red' | 'yellow' | 'dim'): string => (n === 0 ? '0' : paint[colour](String(n)));
  const rows = shown.map((stream) => [
    printable(stream.agent),
    printable(stream.run),
    printable(stream.sensor ?? String(stream.lane)),
    String(stream.arrived),
    String(stream.repeats),
    cell(disorderOf(stream), 'red'),
    ...(by === 'sequence'
      ? [cell(lostOf(stream), 'yellow'), cell(stream.unexplained, 'red')]
      : [cell(stream.unexplained, 'yellow')]),
  ]);
  const more = streams.length - shown.length;
  return [
    ...renderTable(columns, rows, width || undefined).split('\n'),
    ...(more > 0 ? [`… and ${count(more, 'stream')} more`] : []),
  ];
}

function detailsOf(stream: AuditedStream, by: Report['by'], paint: Paint): string[] {
  const { agent, run, lane, sensor, lost, holes, unexplained, awaited, before, settled, outOfOrder, backfilled } = stream;
  const name = printable(`${agent}/${run}/${sensor ?? lane}`);
  const lines: string[] = [];
  const say = (text: string): void => void lines.push(`${paint.dim(`${name}:`)} ${text}`);
  const reasons = Object.entries(lost).map(([reason, events]) => `${events} ${printable(reason)}`);
  if (reasons.length > 0) say(`lost: ${reasons.join(', ')}`);
  if (unexplained > 0) {
    const ranges = holes.slice(0, RANGES_SHOWN).map(({ first, last }) => (first === last ? `${first}` : `${first}–${last}`));
    if (holes.length > RANGES_SHOWN) ranges.push(`${holes.length - RANGES_SHOWN} ranges more`);
    if (settled > 0) ranges.push(`others below ${settled}`);
    say(`${by === 'sequence' ? 'missing' : 'not here'}: ${ranges.join(', ')}`);
  }
  if (outOfOrder > 0) say(`${outOfOrder} came after a higher number`);
  if (stream.backfilledOutOfOrder > 0) say(`${stream.backfilledOutOfOrder} of the backfill came after a higher number of it`);
  if (stream.afterNewerRun > 0) say(`${stream.afterNewerRun} came after numbers of a newer run`);
  if (backfilled > 0) say(`${backfilled} came as backfill, beside newer ones`);
  if (awaited > 0) say(`${awaited} are still to come`);
  if (before > 0) say(`${before} before the first one that was read`);
  return lines;
}

function aside({ notices, unnumbered, foreign, broken, retired }: AuditResult): string {
  const parts = [
    [notices, 'loss notices'],
    [unnumbered, 'without a sequence'],
    [foreign.count, 'messages of others'],
    [broken.count, 'unreadable'],
    [retired, 'not judged, because there are too many streams'],
  ] as const;
  return parts.map(([n, what]) => (n > 0 ? `, ${n} ${what}` : '')).join('');
}

const examples = (what: string, found: Examples): string[] => found.examples.map((example) => `${what}: ${printable(example)}`);

/** What comes from messages must not move a cursor or change a colour. */
// oxlint-disable-next-line no-control-regex
const printable = (text: string): string => text.replaceAll(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g, '\ufffd').slice(0, 400);
