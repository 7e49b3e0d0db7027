/**
 * What is remembered of the past: rates of each sink, how long its events took of late, since when the process is late.
 *
 * Limits: HISTORY_STEPS values and LOOKS histograms of each sink, one every STEP_MS and LOOK_STEPS; a sink that is gone is forgotten. Each turn looks at the status once,
 * costs well below a millisecond, and reads nothing from disk.
 */
import type { AgentStatus } from '../agent-status.ts';
import { type HistogramView, quantile, sinceThen } from '../histogram.ts';
import type { ProcessReading } from '../telemetry/process-figures.ts';
import type { Service } from './service.ts';
import type { HistoryView, SinkView, StatusView } from './view.ts';

/** From one value to the next, in milliseconds. */
const STEP_MS = 5000;
/** Half an hour. */
const HISTORY_STEPS = 360;
/** A look at the histogram of latencies every minute, and those of five minutes are kept. */
const LOOK_STEPS = 12;
const LOOKS = 5;
/** An event loop that is late by this is said to be, in milliseconds. */
const LOOP_MS = 500;
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
  /** What its histogram of latencies was, a minute from one to the next, the oldest first: at first nothing. */
  readonly looks: (HistogramView | undefined)[];
}

interface Cpu {
  /** On the monotonic clock, in milliseconds. */
  readonly at: number;
  /** Of all threads since the start, in seconds. */
  readonly used: number;
}

export class Monitor {
  readonly #service: Service;
  readonly #sinks = new Map<string, SinkPast>();
  #cpu: Cpu;
  #cpuBefore: Cpu;
  #lateSince: number | undefined;
  #turns = 0;
  #end: number;
  #cancel: () => void = () => {};

  constructor(service: Service) {
    this.#service = service;
    this.#end = service.clock.wall();
    this.#cpu = this.#cpuBefore = this.#cpuOf(service.agent.process(false));
    for (const sink of service.agent.status().sinks) this.#sinks.set(sink.name, this.#begin(sink));
    this.#sleep();
  }

  close(): void {
    this.#cancel();
  }

  /** Of late: since the turn before the last, which is at least `STEP_MS`. */
  rates(sink: SinkStatus): SinkView['rates'] {
    const past = this.#past(sink);
    const now = this.#count(sink);
    return now.at - past.before.at < RATE_MS_MIN ? past.rates : ratesOf(past.before, now);
  }

  /** How long events of a sink took until they were confirmed, over the last minutes; undefined when none was. */
  latency(sink: SinkStatus): SinkView['latency'] {
    const recent = sinceThen(sink.counts.latency, this.#past(sink).looks[0]);
    const [p50, p99] = [quantile(recent, 0.5), quantile(recent, 0.99)];
    return p50 === undefined || p99 === undefined ? undefined : { p50, p99 };
  }

  /** The process of late. */
  process(): StatusView['process'] {
    const reading = this.#service.agent.process();
    const loopDelay = (reading.loop?.p99 ?? 0) * 1000;
    this.#noteLate(loopDelay);
    const now = this.#cpuOf(reading);
    return {
      cpu: Math.max(0, now.used - this.#cpuBefore.used) / (Math.max(1, now.at - this.#cpuBefore.at) / 1000),
      rss: reading.memory,
      loopDelay,
      ...(this.#lateSince !== undefined && { lateSince: this.#lateSince }),
      ...(reading.descriptors !== undefined && { descriptors: reading.descriptors }),
    };
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
    const reading = this.#service.agent.process(false);
    this.#noteLate((reading.loop?.p99 ?? 0) * 1000);
    this.#cpuBefore = this.#cpu;
    this.#cpu = this.#cpuOf(reading);
    const looks = this.#turns++ % LOOK_STEPS === 0;
    const { sinks } = this.#service.agent.status();
    const names = new Set(sinks.map(({ name }) => name));
    for (const name of this.#sinks.keys()) if (!names.has(name)) this.#sinks.delete(name);
    for (const sink of sinks) {
      const past = this.#turnOf(sink);
      if (looks) push(past.looks, sink.counts.latency, LOOKS);
    }
    this.#sleep();
  }

  #noteLate(loopDelay: number): void {
    if (loopDelay <= LOOP_MS) this.#lateSince = undefined;
    else this.#lateSince ??= this.#service.clock.wall();
  }

  #cpuOf({ cpu }: ProcessReading): Cpu {
    return { at: this.#service.clock.monotonic(), used: cpu.user + cpu.system };
  }

  #turnOf(sink: SinkStatus): SinkPast {
    const past = this.#past(sink);
    const now = this.#count(sink);
    const ready = isReady(sink);
    // What the spool had from before counts as published when it was read: nothing came in.
    const found = ready && !past.ready;
    past.rates = found ? { in: 0, out: 0 } : ratesOf(past.last, now);
    past.before = found ? now : past.last;
    past.last = now;
    past.ready = ready;
    const { queued, spooled, in_flight } = sink.ledger;
    push(past.in, past.rates.in, HISTORY_STEPS);
    push(past.out, past.rates.out, HISTORY_STEPS);
    push(past.waiting, queued + spooled + in_flight, HISTORY_STEPS);
    return past;
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
    const lists = { in: [], out: [], waiting: [], looks: [undefined] };
    return { last: now, before: now, rates: nothing, ready: isReady(sink), ...lists };
  }

  #count({ ledger }: SinkStatus): Count {
    return { at: this.#service.clock.monotonic(), in: ledger.published, out: ledger.delivered };
  }
}

const isReady = (sink: SinkStatus): boolean => !('spool' in sink) || sink.spool.ready;

function ratesOf(from: Count, to: Count): SinkView['rates'] {
  const seconds = Math.max(1, to.at - from.at) / 1000;
  const rate = (events: number): number => Math.round((Math.max(0, events) / seconds) * 1000) / 1000;
  return { in: rate(to.in - from.in), out: rate(to.out - from.out) };
}

function push<T>(list: T[], value: T, most: number): void {
  list.push(value);
  if (list.length > most) list.shift();
}
