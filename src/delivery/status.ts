/** What a delivery shows of itself: the numbers that an operator needs at three in the morning. */
import type { LedgerView } from '../ledger.ts';
import type { RunnerStatus } from '../runner-types.ts';
import type { SinkCountsView } from '../sink-counts.ts';
import type { DeadLetters } from './dead-letters.ts';
import type { HealthStatus } from './health.ts';
import type { Keeper } from './keeper.ts';
import type { Lane } from './lane.ts';
import type { Memory } from './lane-state.ts';
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
  };
  readonly deadLetters: { readonly events: number; readonly bytes: number };
  readonly drain: {
    /** Whether a backlog is being emptied. */
    readonly active: boolean;
    readonly rate: Rate;
    /** The most that came in within a second. */
    readonly peak: Rate;
    /** Seconds until the spool is empty; undefined when it will not be at this rate, or is. */
    readonly secondsLeft: number | undefined;
  };
  readonly paused: boolean;
  /** The last number given in each lane in this run. */
  readonly lanes: readonly { readonly lane: number; readonly accepted: number }[];
}

export interface StatusParts {
  readonly ledger: LedgerView;
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
  readonly paused: boolean;
}

export function statusOf(parts: StatusParts): DeliveryStatus {
  const { ledger, lanes, memory, health, pacer, dead, keeper } = parts;
  const events = lanes.reduce((sum, lane) => sum + lane.spooled, 0);
  const bytes = lanes.reduce((sum, lane) => sum + lane.diskBytes, 0);
  const waiting = health.failures > 0 || health.blocked !== undefined || !keeper.ready;
  const active = events > 0 && lanes.some(({ draining }) => draining);
  const { rate, peak, inflow } = pacer;
  const gain = rate.events - inflow;
  return {
    state: parts.stopped ? 'stopped' : waiting ? 'waiting' : parts.sending ? 'sending' : 'idle',
    ledger,
    queuedBytes: memory.bytes,
    oldest: earliest(lanes.map(({ oldestFresh }) => oldestFresh?.time)),
    failures: health.failures,
    reason: health.blocked ?? health.reason ?? keeper.reason,
    lateAnswers: parts.lateAnswers,
    counts: parts.counts,
    health,
    spool: { events, bytes, oldest: earliest(lanes.map(({ disk }) => disk.oldest)), ready: keeper.ready, reason: keeper.reason },
    deadLetters: { events: dead.count, bytes: dead.bytes },
    drain: { active, rate, peak, secondsLeft: active && gain > 0 ? events / gain : undefined },
    paused: parts.paused,
    lanes: lanes.map(({ number, n }) => ({ lane: number, accepted: n })),
  };
}

function earliest(times: readonly (number | undefined)[]): number | undefined {
  const known = times.filter((time) => time !== undefined);
  return known.length === 0 ? undefined : Math.min(...known);
}
