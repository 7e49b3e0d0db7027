/**
 * What is remembered of the past: rates of each sink, when events were last dropped, since when something is so.
 *
 * Limits: HISTORY_STEPS values of each sink, one every STEP_MS; a sink that is gone is forgotten. Each turn looks at the status once,
 * costs well below a millisecond, and reads nothing from disk.
 */
import type { AgentStatus } from '../agent-status.ts';
import { ProcessFigures } from './figures.ts';
import type { Service } from './service.ts';
import type { HistoryView, SinkView } from './view.ts';

/** From one value to the next, in milliseconds. */
const STEP_MS = 5000;
/** Half an hour. */
const HISTORY_STEPS = 360;
/** Rates over a shorter time say little, in milliseconds. */
const RATE_MS_MIN = 1000;

type SinkStatus = AgentStatus['sinks'][number];

interface Count {
  /** On the monotonic clock, in milliseconds. */
  readonly at: number;
  readonly in: number;
  readonly out: number;
}

interface SinkPast {
  last: Count;
  before: Count;
  rates: SinkView['rates'];
  ready: boolean;
  readonly in: number[];
  readonly out: number[];
  readonly waiting: number[];
  /** Events that were dropped, but for those that an operator gave up, and when that last grew. */
  lost: number;
  lostAt: number | undefined;
}

export class Monitor {
  readonly figures = new ProcessFigures();
  readonly #service: Service;
  readonly #sinks = new Map<string, SinkPast>();
  /** Since when what is named is so, on the wall clock. */
  readonly #since = new Map<string, number>();
  #end: number;
  #cancel: () => void = () => {};

  constructor(service: Service) {
    this.#service = service;
    this.#end = service.clock.wall();
    for (const sink of service.agent.status().sinks) this.#sinks.set(sink.name, this.#begin(sink));
    this.#sleep();
  }

  close(): void {
    this.#cancel();
    this.figures.close();
  }

  /** Of late: since the turn before the last, which is at least `STEP_MS`. */
  rates(sink: SinkStatus): SinkView['rates'] {
    const past = this.#past(sink);
    this.#noteLosses(sink, past);
    const now = this.#count(sink);
    return now.at - past.before.at < RATE_MS_MIN ? past.rates : ratesOf(past.before, now);
  }

  /** When events of a sink were last dropped, on the wall clock. */
  lostAt(sink: string): number | undefined {
    return this.#sinks.get(sink)?.lostAt;
  }

  /** Since when something holds that holds now; `undefined` while it does not. On the wall clock. */
  since(what: string, holds: boolean): number | undefined {
    if (!holds) this.#since.delete(what);
    else if (!this.#since.has(what)) this.#since.set(what, this.#service.clock.wall());
    return this.#since.get(what);
  }

  history(): HistoryView {
    const sinks = [...this.#sinks].map(([name, past]) => [name, { in: past.in, out: past.out, waiting: past.waiting }]);
    return { step: STEP_MS, end: this.#end, sinks: Object.fromEntries(sinks) as HistoryView['sinks'] };
  }

  #sleep(): void {
    this.#cancel = this.#service.clock.after(STEP_MS, () => this.#turn());
  }

  #turn(): void {
    this.#end = this.#service.clock.wall();
    this.figures.turn();
    const { sinks } = this.#service.agent.status();
    const names = new Set(sinks.map(({ name }) => name));
    for (const name of this.#sinks.keys()) if (!names.has(name)) this.#sinks.delete(name);
    for (const sink of sinks) this.#turnOf(sink);
    this.#sleep();
  }

  #turnOf(sink: SinkStatus): void {
    const past = this.#past(sink);
    const now = this.#count(sink);
    const ready = isReady(sink);
    // What the spool had from before counts as published when it was read: nothing came in.
    const found = ready && !past.ready;
    past.rates = found ? { in: 0, out: 0 } : ratesOf(past.last, now);
    past.before = found ? now : past.last;
    past.last = now;
    past.ready = ready;
    this.#noteLosses(sink, past);
    const { queued, spooled, in_flight } = sink.ledger;
    push(past.in, past.rates.in);
    push(past.out, past.rates.out);
    push(past.waiting, queued + spooled + in_flight);
  }

  #past(sink: SinkStatus): SinkPast {
    const known = this.#sinks.get(sink.name);
    if (known) return known;
    const past = this.#begin(sink);
    this.#sinks.set(sink.name, past);
    return past;
  }

  #begin(sink: SinkStatus): SinkPast {
    const now = this.#count(sink);
    const nothing = { in: 0, out: 0 };
    const lists = { in: [], out: [], waiting: [] };
    const past: SinkPast = {
      last: now,
      before: now,
      rates: nothing,
      ready: isReady(sink),
      ...lists,
      lost: 0,
      lostAt: undefined,
    };
    this.#noteLosses(sink, past);
    return past;
  }

  #count({ ledger }: SinkStatus): Count {
    return { at: this.#service.clock.monotonic(), in: ledger.published, out: ledger.delivered };
  }

  #noteLosses({ ledger }: SinkStatus, past: SinkPast): void {
    const lost = lostOf(ledger.dropped);
    if (lost > past.lost) past.lostAt = this.#service.clock.wall();
    past.lost = lost;
  }
}

/** Events that were given up though nobody wanted it, by reason: all but those that an operator gave up. */
export const lossesOf = (dropped: SinkStatus['ledger']['dropped']): (readonly [reason: string, events: number])[] =>
  Object.entries(dropped).filter(([reason]) => reason !== 'discarded');

export const lostOf = (dropped: SinkStatus['ledger']['dropped']): number =>
  lossesOf(dropped).reduce((sum, [, events]) => sum + events, 0);

const isReady = (sink: SinkStatus): boolean => !('spool' in sink) || sink.spool.ready;

function ratesOf(from: Count, to: Count): SinkView['rates'] {
  const seconds = Math.max(1, to.at - from.at) / 1000;
  const rate = (events: number): number => Math.round((Math.max(0, events) / seconds) * 1000) / 1000;
  return { in: rate(to.in - from.in), out: rate(to.out - from.out) };
}

function push(list: number[], value: number): void {
  list.push(value);
  if (list.length > HISTORY_STEPS) list.shift();
}
