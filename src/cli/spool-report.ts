/** What `tidegate spool` prints for people. What comes from events is shown and not obeyed. */
import type { DecodedEvent } from '../codec/format.ts';
import type { LossRange } from '../delivery/losses.ts';
import { type DeliveryStatus, paceOf } from '../delivery/status.ts';
import type { Cell } from '../event.ts';
import { printable } from '../pretty.ts';
import type { Shelf } from '../spool/access.ts';
import type { Amount, SpoolSummary } from '../spool/contents.ts';
import type { SpoolItem } from '../spool/item.ts';
import { quantity } from '../words.ts';
import type { Context } from './context.ts';
import { type Column, renderTable } from './table.ts';

/** Rows of an event, and reasons and ranges, that people are shown; programs get all. */
const ROWS_SHOWN = 40;
const RANGES_SHOWN = 8;
/** Characters of an event's labels. */
const LABELS_SHOWN = 200;

export type OverviewRow =
  | {
      readonly sink: string;
      readonly source: 'service' | 'folder';
      readonly summary: SpoolSummary;
      readonly damage: string | undefined;
    }
  | { readonly sink: string; readonly error: string };

type Printing = Pick<Context, 'paint' | 'out'>;

const right = (head: string): Column => ({ head, align: 'right' });
const size = (bytes: number): string => quantity(bytes, { kind: 'gauge', unit: 'By', doc: '' }, '');
const count = (n: number, what: string): string => `${n} ${what}${n === 1 ? '' : 's'}`;
const moment = (time: number | undefined): string =>
  time === undefined || !(Math.abs(time) < 8.64e15) ? '-' : new Date(time).toISOString().replace(/\.\d+Z$/, 'Z');

export function overviewToText(rows: readonly OverviewRow[], { paint, out }: Printing): string {
  if (rows.length === 0) return 'no sink has a spool: those to brokers make one when they first run\n';
  const columns = [
    { head: 'sink' },
    right('events'),
    right('size'),
    { head: 'oldest' },
    right('dead letters'),
    { head: 'seen by' },
  ];
  const cells = rows.map((row) => {
    if ('error' in row) return [row.sink, '-', '-', '-', '-', paint.red(printable(row.error))];
    const { events, bytes, oldest, dead } = row.summary;
    const by = row.source === 'service' ? paint.green('the running service') : 'its folder';
    const seen = row.damage === undefined ? by : `${by}, ${paint.yellow(`damaged: ${printable(row.damage)}`)}`;
    return [
      row.sink,
      String(events),
      size(bytes),
      moment(oldest),
      dead.events > 0 ? paint.yellow(String(dead.events)) : '0',
      seen,
    ];
  });
  return `${renderTable(columns, cells, out.columns)}\n`;
}

export function summaryToText(
  sink: string,
  from: string,
  summary: SpoolSummary & { status?: DeliveryStatus },
  { paint, out }: Printing,
): string {
  const { lanes, dead, runs, status } = summary;
  const lines = [`${paint.bold(sink)}: ${amount(summary)} ${paint.dim(`(${from})`)}`];
  if (status) lines.push(...statusLines(status, paint));
  if (lanes.some(({ events }) => events > 0)) {
    const columns = [right('lane'), right('events'), right('size'), { head: 'oldest' }, { head: 'newest' }];
    const rows = lanes.map(({ lane, events, bytes, oldest, newest }) => [
      String(lane),
      String(events),
      size(bytes),
      moment(oldest),
      moment(newest),
    ]);
    lines.push('', renderTable(columns, rows, out.columns));
  }
  const losses = lanes.flatMap(({ lane, losses: ranges }) => ranges.map((range) => ({ lane, range })));
  if (losses.length > 0) {
    lines.push('', paint.bold('losses that the far end is still to be told'));
    lines.push(...losses.slice(0, RANGES_SHOWN).map(({ lane, range }) => `  lane ${lane}: ${lossText(range)}`));
    if (losses.length > RANGES_SHOWN) lines.push(`  … and ${losses.length - RANGES_SHOWN} more`);
  }
  if (!status && runs.length > 0)
    lines.push('', `${count(runs.length, 'run')} did not end cleanly: ${runs.map(printable).join(', ')}`);
  lines.push('', dead.events === 0 ? 'no dead letters' : paint.bold(`dead letters: ${amount(dead)}`));
  if (dead.events > 0) {
    const rows = dead.reasons.slice(0, ROWS_SHOWN).map(({ reason, events }) => [String(events), printable(reason)]);
    lines.push(renderTable([right('events'), { head: 'reason' }], rows, out.columns));
  }
  return `${lines.join('\n')}\n`;
}

function amount({ events, bytes, oldest, newest }: Amount): string {
  if (events === 0) return 'nothing is spooled';
  return `${count(events, 'event')}, ${size(bytes)}, sampled ${moment(oldest)} to ${moment(newest)}`;
}

function statusLines({ state, reason, paused, health, ledger, spool, drain }: DeliveryStatus, paint: Context['paint']): string[] {
  const word = paused ? paint.yellow('paused') : state === 'waiting' ? paint.yellow(state) : state;
  const lines = [
    `${word}, breaker ${health.breaker}; ${ledger.queued} queued, ${ledger.in_flight} in flight, ${ledger.delivered} delivered`,
  ];
  if (reason !== undefined) lines.push(`${paint.dim('because')} ${printable(reason)}`);
  if (drain.active) {
    const left =
      drain.secondsLeft === undefined
        ? 'not at this rate'
        : `in about ${quantity(drain.secondsLeft, { kind: 'gauge', unit: 's', doc: '' }, '')}`;
    lines.push(`empties at ${Math.round(paceOf(drain.rate, spool.events, spool.bytes))} events/s; empty ${left}`);
  }
  return lines;
}

function lossText({ run, reason, first, last, events }: LossRange): string {
  const what = last === undefined ? `from ${first} on` : last === first ? `${first}` : `${first} to ${last}`;
  return `${printable(run)}, ${what}: ${events === undefined ? 'some events' : count(events, 'event')}, ${printable(reason)}`;
}

export function listingToText(items: readonly SpoolItem[], shelf: Shelf, { out }: Printing): string {
  if (items.length === 0) return shelf === 'dead' ? 'no dead letters\n' : 'nothing is spooled\n';
  const dead = shelf === 'dead';
  const columns: Column[] = [
    ...(dead ? [right('number')] : []),
    ...['sequence', 'sampled', 'type', 'sensor'].map((head) => ({ head })),
    right('size'),
    ...(dead ? [{ head: 'reason' }] : []),
  ];
  const rows = items.map(({ number, seq, time, type, sensor, bytes, reason }) => [
    ...(dead ? [String(number)] : []),
    printable(seq),
    moment(time),
    printable(type),
    printable(sensor),
    size(bytes),
    ...(dead ? [printable(reason ?? '')] : []),
  ]);
  return `${renderTable(columns, rows, out.columns)}\n`;
}

export function showToText(item: SpoolItem, { paint, out }: Printing): string {
  const heads: [string, string][] = [
    ['sequence', item.seq],
    ['id', item.id],
    ['sampled', `${moment(item.time)} by ${item.sensor} on ${item.host}`],
    ['size', `${size(item.bytes)}, ${item.encoding}, lane ${item.lane}`],
  ];
  if (item.number !== undefined)
    heads.push(['dead letter', `${item.number}, since ${moment(item.rejected)}`], ['reason', item.reason ?? '']);
  const lines = [
    paint.bold(printable(item.type)),
    ...heads.map(([head, text]) => `${paint.dim(head.padEnd(11))} ${printable(text)}`),
  ];
  const { event } = item;
  if (typeof event !== 'object' || event === null) return `${[...lines, 'its body is no event of this format'].join('\n')}\n`;
  const { labels, attributes, fields, rows } = event as DecodedEvent;
  if (Object.keys(labels).length > 0)
    lines.push(`${paint.dim('labels'.padEnd(11))} ${printable(JSON.stringify(labels).slice(0, LABELS_SHOWN))}`);
  const columns = [
    ...Object.entries(attributes).map(([name, cells]) => ({
      head: printable(name),
      cells: cells.map(cellText),
      align: 'left' as const,
    })),
    ...Object.entries(fields).map(([name, { unit, values }]) => ({
      head: printable(name),
      // JSON writes the three non-numbers as text.
      cells: (values as (number | string | null)[]).map((value) => fieldText(value, unit, name)),
      align: 'right' as const,
    })),
  ];
  const shown = Math.min(rows, ROWS_SHOWN);
  const table = Array.from({ length: shown }, (_, r) => columns.map(({ cells }) => cells[r] ?? ''));
  if (columns.length > 0) lines.push('', renderTable(columns, table, out.columns));
  if (rows > shown) lines.push(`… and ${rows - shown} rows more: --format json has all`);
  return `${lines.join('\n')}\n`;
}

const cellText = (cell: Cell): string => printable(typeof cell === 'string' ? cell : JSON.stringify(cell));

function fieldText(value: number | string | null, unit: string, name: string): string {
  if (value === null) return '-';
  return typeof value === 'number' ? quantity(value, { kind: 'gauge', unit, doc: '' }, name) : printable(value);
}
