/** What is not well, one sentence each: what, since when, what is done about it, what an operator may do. */
import type { Config } from '../config/config.ts';
import { paceOf } from '../delivery/status.ts';
import { counted, grouped, moment, size, span } from '../words.ts';
import type { Condition, Finding, SensorView, SinkView, StatusView } from './view.ts';

/** A failure that lasts no longer is none, in milliseconds: the next attempt is under way. */
const PATIENCE_MS = 5000;
/** Events that were dropped so long ago are losses of now; and after that of late; then they are in the account alone. In milliseconds. */
const LOSING_MS = 300_000;
const LOST_MS = 3_600_000;
/** Failures in a row of a sensor that are none yet. */
const FAILURES_MAX = 2;
/** From this share on of what may wait it is said that it is nearly full. */
const NEARLY_FULL = 0.8;
/** Targets that are named. */
const NAMED_MAX = 3;

const ORDER: readonly Condition[] = ['failing', 'degraded', 'well'];

export interface Seen {
  readonly sensors: readonly SensorView[];
  readonly sinks: readonly SinkView[];
  readonly process: StatusView['process'];
  readonly config: Config;
  /** How this program is called. */
  readonly command: string;
  /** On the wall clock, in milliseconds. */
  readonly now: number;
}

/** The worst of them; `well` without any. */
export const worst = (findings: readonly Pick<Finding, 'condition'>[]): Condition =>
  ORDER.find((condition) => findings.some((finding) => finding.condition === condition)) ?? 'well';

/** The worst first; of equals the older first. */
export function findingsOf(seen: Seen): Finding[] {
  const found = [
    ...seen.sinks.flatMap((sink) => ofSink(sink, seen)),
    ...seen.sensors.flatMap((sensor) => ofSensor(sensor, seen)),
    ...ofProcess(seen),
  ];
  const rank = ({ condition }: Finding): number => ORDER.indexOf(condition);
  return found.toSorted((a, b) => rank(a) - rank(b) || (a.since ?? seen.now) - (b.since ?? seen.now));
}

type Said = Omit<Finding, 'subject'>;

function ofSink(sink: SinkView, seen: Seen): Finding[] {
  const said = [
    losses(sink, seen),
    failure(sink, seen),
    disk(sink, seen),
    held(sink, seen),
    drain(sink, seen),
    room(sink, seen),
    letters(sink, seen),
  ];
  return said.flatMap((one) => (one ? [{ ...one, subject: `sink ${sink.name}` }] : []));
}

/** `The broker at 127.0.0.1:9092`, `The file events.ndjson`. */
function called({ name, type, destination, breaker }: SinkView): string {
  if (destination === '') return `The sink ${name}`;
  if (!breaker) return `The ${type} ${destination}`;
  const place = / at ([^,]+)/.exec(destination)?.[1];
  return place ? `The broker at ${place}` : `The broker of ${name}`;
}

/** What waits, and where. */
function waiting({ ledger, spool, queue }: SinkView): string {
  const parts = [
    spool && spool.events > 0
      ? `${counted(spool.events, 'event')} (${size(spool.bytes)}) ${spool.events === 1 ? 'is' : 'are'} kept on disk`
      : '',
    ledger.queued > 0
      ? `${counted(ledger.queued, 'event')} (${size(queue.bytes)}) ${ledger.queued === 1 ? 'waits' : 'wait'} in memory`
      : '',
  ].filter((part) => part !== '');
  return parts.length === 0 ? 'nothing waits' : parts.join(', ');
}

function losses(sink: SinkView, { now }: Seen): Said | undefined {
  const { lostAt: at } = sink;
  if (at === undefined || now - at > LOST_MS) return undefined;
  // What an operator gave up is no loss.
  const losses = Object.entries(sink.ledger.dropped).filter(([reason]) => reason !== 'discarded');
  const lost = losses.reduce((sum, [, events]) => sum + events, 0);
  const reasons = losses.map(([reason, events]) => `${grouped(events)} ${WHY[reason] ?? reason}`);
  const text = `${counted(lost, 'event')} of the sink ${sink.name} ${lost === 1 ? 'was' : 'were'} dropped since the start (${reasons.join(', ')}), the last at ${moment(at, now)}.`;
  return { condition: now - at <= LOSING_MS ? 'failing' : 'degraded', text, since: at };
}

const WHY: Readonly<Record<string, string>> = {
  queue_full: 'because the queue was full',
  spool_full: 'because the spool was full',
  expired: 'because they were too old',
  rejected: 'refused by the destination for good',
  corrupted: 'because the disk did not give them back',
  shutdown: 'at a shutdown',
};

function failure(sink: SinkView, { now }: Seen): Said | undefined {
  const { breaker, failingSince: since, reason } = sink;
  if (breaker?.blocked !== undefined) {
    const { blocked, blockedSince = now } = breaker;
    const text = `${called(sink)} asks to wait since ${moment(blockedSince, now)} (${blocked}); ${waiting(sink)}.`;
    return { condition: 'degraded', text, since: blockedSince };
  }
  if (since === undefined) return undefined;
  if (now - since < PATIENCE_MS && (breaker?.state ?? 'closed') === 'closed') return undefined;
  const next =
    breaker?.nextProbe === undefined
      ? 'it is tried again'
      : breaker.nextProbe < 1000
        ? 'it is tried again now'
        : `next attempt in ${span(breaker.nextProbe)}`;
  const what = breaker ? 'is away' : 'does not take events';
  return {
    condition: 'degraded',
    text: `${called(sink)} ${what} since ${moment(since, now)} (${reason ?? 'it did not say why'}); ${next}; ${waiting(sink)}.`,
    since,
  };
}

function disk({ spool, name, ledger, queue }: SinkView, { now }: Seen): Said | undefined {
  if (!spool) return undefined;
  const { since = now } = spool;
  if (spool.reason !== undefined) {
    const text = `The spool of ${name} does not take events since ${moment(since, now)} (${spool.reason}); ${counted(ledger.queued, 'event')} (${size(queue.bytes)}) are in memory alone.`;
    return { condition: 'failing', text, since };
  }
  if (spool.ready || now - since < PATIENCE_MS) return undefined;
  return {
    condition: 'degraded',
    text: `The spool of ${name} is being read since ${moment(since, now)}; nothing is sent until it is.`,
    since,
  };
}

function held(sink: SinkView, { now, command }: Seen): Said | undefined {
  const { name, pausedSince: since } = sink;
  if (since === undefined) return undefined;
  const text = `The sink ${name} is paused by an operator since ${moment(since, now)}; ${waiting(sink)}. To go on: ${command} spool ${name} resume, or Resume ${name} on the page.`;
  return { condition: 'degraded', text, since };
}

function drain({ name, drain: draining, spool }: SinkView, { now, command }: Seen): Said | undefined {
  if (!draining?.active || !spool) return undefined;
  const { since = now } = draining;
  if (now - since < PATIENCE_MS) return undefined;
  const backlog = `${counted(spool.events, 'event')} (${size(spool.bytes)}) of before are being sent to ${name}`;
  const rate = `${grouped(paceOf(draining.rate, spool.events, spool.bytes))}/s`;
  const text =
    draining.left === undefined
      ? `${backlog}, and more comes in than the ${rate} that may go: raise the rate with ${command} drain ${name} auto.`
      : `${backlog}, until empty in ${span(draining.left)} at ${rate}.`;
  return { condition: 'degraded', text, since };
}

function room({ name, queue, spool }: SinkView, { config }: Seen): Said | undefined {
  const entry = config.sinks.find((one) => one.name === name);
  if (spool && spool.maxBytes > 0 && spool.bytes > NEARLY_FULL * spool.maxBytes) {
    const share = Math.round((100 * spool.bytes) / spool.maxBytes);
    return {
      condition: 'degraded',
      text: `The spool of ${name} is ${share} % full (${size(spool.bytes)} of ${size(spool.maxBytes)}); when it is full, events are lost or held back as spool.when_full says.`,
    };
  }
  if (spool || queue.maxBytes === undefined || !entry) return undefined;
  const share = Math.max(queue.bytes / queue.maxBytes, queue.events / entry.common.queue.max_events);
  if (share <= NEARLY_FULL) return undefined;
  return {
    condition: 'degraded',
    text: `The queue of ${name} is ${Math.round(100 * share)} % full (${counted(queue.events, 'event')}, ${size(queue.bytes)}); when it is full, ${entry.common.queue.when_full} decides.`,
  };
}

function letters({ name, deadLetters }: SinkView, { command }: Seen): Said | undefined {
  if (!deadLetters || deadLetters.events === 0) return undefined;
  const are =
    deadLetters.events === 1
      ? 'was refused by the broker for good and is kept'
      : 'were refused by the broker for good and are kept';
  const text = `${counted(deadLetters.events, 'event')} (${size(deadLetters.bytes)}) of ${name} ${are}: ${command} spool ${name} list --dead shows them.`;
  return { condition: 'degraded', text };
}

function ofSensor(sensor: SensorView, { config, now }: Seen): Finding[] {
  const { name, state, since, why, failuresInARow, failingSince = now, lastError, targets } = sensor;
  const subject = `sensor ${name}`;
  // Without a file nobody asked for it: what this machine does not have is no finding.
  if (state === 'unavailable' && config.files.length > 0) {
    const text = `The sensor ${name} is unavailable since ${moment(since, now)}: ${why ?? 'it did not say why'}; it is tried again every few minutes.`;
    return [{ condition: 'degraded', subject, text, since }];
  }
  if (failuresInARow > FAILURES_MAX) {
    const text = `The sensor ${name} fails since ${moment(failingSince, now)}, ${counted(failuresInARow, 'time')} in a row: ${lastError ?? 'it did not say why'}.`;
    return [{ condition: 'degraded', subject, text, since: failingSince }];
  }
  if (!targets || targets.failing === 0) return [];
  const some = targets.failingSince ?? now;
  const named = targets.problems.slice(0, NAMED_MAX).map((one) => `${one.name} (${one.problem})`);
  const more = targets.failing > named.length ? ` and ${targets.failing - named.length} more` : '';
  const fail = targets.failing === 1 ? 'fails' : 'fail';
  const text = `${grouped(targets.failing)} of ${counted(targets.total, 'target')} of the sensor ${name} ${fail} since ${moment(some, now)}: ${named.join(', ')}${more}.`;
  return [{ condition: 'degraded', subject, text, since: some }];
}

function ofProcess({ process: { loopDelay, lateSince: since } }: Seen): Finding[] {
  if (since === undefined) return [];
  const text = `The service is late by up to ${span(loopDelay)} in what it does: the machine or its disk is overloaded, or a sensor blocks it.`;
  return [{ condition: 'degraded', subject: 'service', text, since }];
}
