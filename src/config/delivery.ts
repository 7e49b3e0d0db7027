/** What must hold between the options of a broker sink, or is hardly meant. */
import { deliveryOf } from '../delivery/options.ts';
import { formatBytes, formatDuration } from '../options.ts';
import { placeAt } from './located.ts';
import type { Findings, Place } from './mistake.ts';
import type { SinkCommon } from './schema.ts';

export interface DeliveryInput {
  readonly name: string;
  /** What the operator wrote of the sink, and where. */
  readonly written: Record<string, unknown>;
  readonly place: Place | string;
  readonly common: SinkCommon;
  /** What is written, with defaults. */
  readonly options: unknown;
}

export function checkDelivery({ name, written, place, common, options }: DeliveryInput, findings: Findings): void {
  const { spool, drain, lanes, lane_by } = deliveryOf(options);
  const { queue, timeout } = common;
  const warn = (path: readonly string[], what: string, hint: string): void =>
    findings.warning(placeAt(written, path, place), `sinks.${name}: ${what}`, hint);
  if (spool.mode === 'always' && drain.order === 'backfill') {
    warn(
      ['drain', 'order'],
      'with spool.mode always every event is on disk before it is sent, and none is newer than that: it is drained in order',
      'leave drain.order out, or use spool.mode on_failure',
    );
  }
  if (spool.mode === 'on_failure' && spool.spool_after > timeout) {
    const what = `spool.spool_after of ${formatDuration(spool.spool_after)} is more than the timeout of ${formatDuration(timeout)}, so that a failed write moves events to disk before it ever does`;
    warn(['spool', 'spool_after'], what, 'make it less: a kill loses what is in memory for so long');
  }
  const { request_timeout: request } = options as { request_timeout?: unknown };
  if (typeof request === 'number' && request > timeout) {
    const what = `request_timeout of ${formatDuration(request)} is more than the timeout of ${formatDuration(timeout)}, so that a write is given up while its broker may still answer: what it takes then comes twice`;
    warn(['request_timeout'], what, 'make it less than the timeout');
  }
  if (queue.max_bytes > spool.max_bytes) {
    const what = `queue.max_bytes of ${formatBytes(queue.max_bytes)} is more than spool.max_bytes of ${formatBytes(spool.max_bytes)}, so that what memory holds has no room on disk`;
    warn(['spool', 'max_bytes'], what, 'make the spool larger than the queue');
  }
  if (queue.max_age !== undefined) {
    warn(
      ['queue', 'max_age'],
      'queue.max_age has no meaning for a sink to a broker, whose events go to disk',
      'use spool.max_age',
    );
  }
  if (spool.fsync !== 'interval' && given(written['spool'], 'fsync_interval')) {
    warn(
      ['spool', 'fsync_interval'],
      `spool.fsync_interval has no meaning with fsync ${spool.fsync}`,
      'leave it out, or use fsync interval',
    );
  }
  if (lanes === 1 && written['lane_by'] !== undefined && lane_by !== 'sequence') {
    warn(['lane_by'], 'lane_by has no meaning with one lane', 'say how many lanes there are with lanes');
  }
}

interface Destined {
  readonly name: string;
  readonly place: Place | string;
  /** Where its events end up; nothing for a sink whose events are not numbered. */
  readonly destinations: readonly string[];
}

/** Sinks of one agent are told apart by where they write to alone: `tidegate-seq` does not name them. */
export function checkDestinations(sinks: readonly Destined[], findings: Findings): void {
  const taken = new Map<string, string>();
  for (const { name, place, destinations } of sinks) {
    const shared = destinations.find((destination) => taken.has(destination));
    if (shared !== undefined) {
      const what = `sinks.${name}: it writes to ${shared}, as sinks.${taken.get(shared)} does, and a reader could not tell apart what each has numbered`;
      findings.mistake(place, what, 'give it a destination of its own, or make one sink of the two');
    }
    for (const destination of destinations) if (!taken.has(destination)) taken.set(destination, name);
  }
}

const given = (section: unknown, name: string): boolean => typeof section === 'object' && section !== null && name in section;
