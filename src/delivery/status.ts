/** What a delivery shows of itself: the numbers that an operator needs at three in the morning. */
import type { Ledger } from '../ledger.ts';
import type { RunnerStatus } from '../runner-types.ts';
import type { SinkCountsView } from '../sink-counts.ts';
import type { DeadLetters } from './dead-letters.ts';
import type { HealthStatus } from './health.ts';
import type { Keeper } from './keeper.ts';
import type { Lane } from './lane.ts';
import type { Memory } from './memory.ts';
import type { Pacer, Rate } from './pacer.ts';

export interface DeliveryStatus extends RunnerStatus {
  readonly health: HealthStatus;
  readonly spool: {
    readonly events: number;
    /** Size of the events on disk, in bytes. */
    readonly bytes: number;
    /** When the oldest of them was sampled, or the one before it, as Unix time in milliseconds; undefined without any, or where nobody knows. */
    readonly oldest: number | undefined;
    /** Whether it was read, so that sending may begin. */
    readonly ready: boolean;
    /** Why the disk does not take what it should, while it does not. */
    readonly reason: string | undefined;
    /** Since when it does not, or is being read, while it is so, as Unix time in milliseconds. */
    readonly since: number | undefined;
  };
  readonly deadLetters: { readonly events: number; readonly bytes: number };
  readonly drain: {
    /** Whether a backlog is being sent: there is one, and nothing keeps it back. */
    readonly active: boolean;
    /** When that began, while it is so, as Unix time in milliseconds. */
    readonly since: number | undefined;
    /** The most that may be sent of it. */
    readonly rate: Rate;
    /** The most that came in within a second. */
    readonly peak: Rate;
    /** Seconds until it is empty at this rate; undefined when it never will be, and while it is not being sent. */
    readonly secondsLeft: number | undefined;
  };
  readonly paused: boolean;
  /** Since when it is, as Unix time in milliseconds. */
  readonly pausedSince: number | undefined;
  /** The last number given in each lane in this run. */
  readonly lanes: readonly { readonly lane: number; readonly accepted: number }[];
}

export interface StatusParts {
  readonly ledger: Ledger;
  readonly lanes: readonly Lane[];
  readonly memory: Memory;
  readonly health: HealthStatus;
  readonly pacer: Pacer;
  readonly dead: DeadLetters;
  readonly keeper: Keeper;
  readonly sending: boolean;
  readonly counts: SinkCountsView;
  readonly lateAnswers: number;
  readonly stopped: boolean;
  readonly pausedSince: number | undefined;
  /** When an operator last let it go on, as Unix time in milliseconds; 0 for never. */
  readonly resumedAt: number;
}

export function statusOf(parts: StatusParts): DeliveryStatus {
  const { ledger, lanes, memory, health, dead, keeper, pausedSince } = parts;
  const events = lanes.reduce((sum, lane) => sum + lane.spooled, 0);
  const bytes = lanes.reduce((sum, lane) => sum + lane.diskBytes, 0);
  const waiting = health.failures > 0 || health.blocked !== undefined || !keeper.ready;
  return {
    state: parts.stopped ? 'stopped' : waiting ? 'waiting' : parts.sending ? 'sending' : 'idle',
    ledger: ledger.view(),
    lostAt: ledger.lostAt,
    queuedBytes: memory.bytes,
    oldest: earliest(lanes.map(({ oldestFresh }) => oldestFresh?.time)),
    failures: health.failures,
    failingSince: health.failingSince,
    reason: health.blocked ?? health.reason ?? keeper.reason,
    lateAnswers: parts.lateAnswers,
    counts: parts.counts,
    health,
    spool: {
      events,
      bytes,
      oldest: earliest(lanes.map(({ disk }) => disk.oldest)),
      ready: keeper.ready,
      reason: keeper.reason,
      since: keeper.troubleSince,
    },
    deadLetters: { events: dead.count, bytes: dead.bytes },
    drain: drainOf(parts, { events, bytes }, !waiting),
    paused: pausedSince !== undefined,
    pausedSince,
    lanes: lanes.map(({ number, n }) => ({ lane: number, accepted: n })),
  };
}

/** Of what is on disk: whether it is being sent, since when and how much longer. A broker that is away, or an operator, keeps it back. */
function drainOf(parts: StatusParts, { events, bytes }: Rate, mayGo: boolean): DeliveryStatus['drain'] {
  const { lanes, health, pacer, keeper, pausedSince, resumedAt, stopped } = parts;
  const { rate, peak } = pacer;
  const active = mayGo && !stopped && pausedSince === undefined && events > 0 && lanes.some(({ draining }) => draining);
  if (!active) return { active, since: undefined, rate, peak, secondsLeft: undefined };
  // The last of all that it needs.
  const since = Math.max(health.wellSince ?? 0, keeper.readySince ?? 0, resumedAt);
  const gain = paceOf(rate, events, bytes) - pacer.inflow;
  return { active, since, rate, peak, secondsLeft: gain > 0 ? events / gain : undefined };
}

/** Events a second of a backlog of so many events and bytes: its bytes may take longer than the events. */
export const paceOf = (rate: Rate, events: number, bytes: number): number =>
  bytes > 0 ? Math.min(rate.events, (rate.bytes * events) / bytes) : rate.events;

function earliest(times: readonly (number | undefined)[]): number | undefined {
  const known = times.filter((time) => time !== undefined);
  return known.length === 0 ? undefined : Math.min(...known);
}
