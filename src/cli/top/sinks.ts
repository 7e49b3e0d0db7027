/** Sinks as rows: rates, what waits in memory and on disk, breaker, and when a backlog is empty. */
import type { SinkView, StatusView } from '../../http/view.ts';
import { amount, percent, size, time } from '../../words.ts';
import { type Line, type Span, type Style, span } from '../live/line.ts';
import { type Signs, shown } from '../live/text.ts';
import { type TopColumn, topTable } from './table.ts';

/** Share of a spool from which it matters how full it is. */
const NEARLY_FULL = 0.8;
const NONE = span('-', 'dim');
const STYLES: Readonly<Record<SinkView['condition'], Style>> = { well: 'plain', degraded: 'yellow', failing: 'red' };

const dropped = ({ ledger }: SinkView): number => Object.values(ledger.dropped).reduce((sum, events) => sum + events, 0);
const fullness = ({ spool }: SinkView): number => (spool && spool.maxBytes > 0 ? spool.bytes / spool.maxBytes : 0);
/** Events that wait. */
export const waiting = ({ ledger }: SinkView): number => ledger.queued + ledger.spooled;

/** A heading and a line for each sink. */
export function sinkLines(sinks: readonly SinkView[], width: number, signs: Signs): Line[] {
  const rest = { head: 'to, or why not', weight: 20, cell: (sink: SinkView) => whyOf(sink, signs) };
  return topTable({ columns: columnsOf(sinks, signs), rest }, sinks, width, signs);
}

function columnsOf(sinks: readonly SinkView[], signs: Signs): TopColumn<SinkView>[] {
  const right = (head: string, weight: number, cell: (sink: SinkView) => Span): TopColumn<SinkView> => ({
    head,
    align: 'right',
    weight,
    cell,
  });
  // A number that has something to say stays longer than one that is nothing.
  const matters = (holds: (sink: SinkView) => boolean, high: number, low: number): number => (sinks.some(holds) ? high : low);
  const columns: TopColumn<SinkView>[] = [
    { head: 'sink', align: 'left', weight: 0, cell: ({ name }) => span(shown(name, signs), 'bold') },
    { head: 'state', align: 'left', weight: 100, cell: stateOf },
    right('in/s', 85, ({ rates }) => span(amount(rates.in))),
    right('out/s', 90, ({ rates }) => span(amount(rates.out))),
    right('queued', 70, ({ ledger }) => count(ledger.queued)),
  ];
  const broker = sinks.some(({ breaker, spool }) => breaker !== undefined || spool !== undefined);
  if (broker) {
    columns.push(
      right('spooled', 80, ({ spool }) => (spool ? count(spool.events) : NONE)),
      right('on disk', 50, ({ spool }) => (spool ? span(size(spool.bytes)) : NONE)),
      right(
        'full',
        matters((sink) => fullness(sink) >= NEARLY_FULL, 84, 30),
        (sink) => fullOf(sink),
      ),
      { head: 'breaker', align: 'left', weight: 75, cell: breakerOf },
      right(
        'empty in',
        matters((sink) => emptyIn(sink) !== NONE, 82, 25),
        emptyIn,
      ),
      right(
        'dead',
        matters(({ ledger }) => ledger.dead_lettered > 0, 83, 62),
        ({ deadLetters, ledger }) => count(deadLetters?.events ?? ledger.dead_lettered, 'yellow'),
      ),
    );
  }
  columns.push(
    right(
      'dropped',
      matters((sink) => dropped(sink) > 0, 88, 60),
      (sink) => count(dropped(sink), 'red'),
    ),
    right('p99', 40, ({ latency }) => (latency ? span(time(latency.p99)) : NONE)),
  );
  return columns;
}

const count = (events: number, style: Style = 'plain'): Span => (events === 0 ? span('0', 'dim') : span(amount(events), style));

function stateOf({ paused, state, condition }: SinkView): Span {
  return paused ? span('paused', 'yellow') : span(state, STYLES[condition]);
}

function fullOf(sink: SinkView): Span {
  if (!sink.spool) return NONE;
  const share = fullness(sink);
  return span(percent(share), share >= NEARLY_FULL ? 'red' : 'plain');
}

function breakerOf({ breaker }: SinkView): Span {
  if (!breaker) return NONE;
  if (breaker.blocked !== undefined) return span('blocked', 'yellow');
  if (breaker.state === 'closed') return span('closed');
  const probe = breaker.nextProbe === undefined ? '' : `, ${time(breaker.nextProbe)}`;
  return span(`${breaker.state.replace('_', ' ')}${probe}`, breaker.state === 'open' ? 'red' : 'yellow');
}

function emptyIn({ drain }: SinkView): Span {
  if (!drain?.active) return NONE;
  return drain.left === undefined ? span('never', 'red') : span(time(drain.left), 'yellow');
}

function whyOf({ reason, breaker, spool, destination, condition }: SinkView, signs: Signs): Span {
  const why = breaker?.blocked ?? reason ?? spool?.reason;
  return why === undefined ? span(shown(destination, signs), 'dim') : span(shown(why, signs), STYLES[condition]);
}

/** Everything that moves, all sinks together. */
export function totals({ sinks }: StatusView): string {
  const [taken, out] = sinks.reduce(([a, b], { rates }) => [a + rates.in, b + rates.out], [0, 0]);
  return `in ${amount(taken)}/s, out ${amount(out)}/s, ${amount(sinks.reduce((sum, sink) => sum + waiting(sink), 0))} waiting`;
}
