/**
 * What the service shows of itself, as the API answers it: the contract of the page, of `top` and of an operator's own scripts.
 *
 * Every duration is in milliseconds and every size in bytes; moments are milliseconds since 1970. Absent is absent: a member that has no
 * value now is left out. Names and states are plain words, so that they can be shown as they are.
 */
import * as z from 'zod';

const count = (text: string) => z.number().nonnegative().describe(text);
const moment = (text: string) => z.number().describe(`${text}, in milliseconds since 1970.`);
const ms = (text: string) => z.number().nonnegative().describe(`${text}, in milliseconds.`);
const bytes = (text: string) => z.number().nonnegative().describe(`${text}, in bytes.`);

const rate = z.object({ events: count('Events a second.'), bytes: count('Bytes a second.') });

/** How things are, from best to worst. `degraded`: events wait or something is unavailable; `failing`: events are lost, or nothing moves. */
export const conditionName = z.enum(['well', 'degraded', 'failing']);

export const finding = z
  .object({
    condition: conditionName,
    subject: z.string().describe('What it is about: `sink NAME`, `sensor NAME` or `service`.'),
    text: z
      .string()
      .describe(
        'One sentence: what is wrong, since when, what is done about it (next probe, how much is spooled, when it is empty).',
      ),
    since: moment('When it began').optional(),
  })
  .meta({ id: 'Finding' });

export const sensorView = z
  .object({
    name: z.string(),
    type: z.string(),
    state: z.enum(['opening', 'sampling', 'unavailable', 'closed']),
    since: moment('When it came to this state'),
    why: z.string().optional().describe('Why it is unavailable.'),
    interval: ms('How often it samples'),
    samples: count('Samples begun.'),
    failures: count('Samples that failed.'),
    failuresInARow: count('Failures since the last success.'),
    failingSince: moment('When the first of them began, while there are any').optional(),
    overruns: count('Moments at which the sample before was still running.'),
    timeouts: count('Samples that took too long.'),
    missed: count('Moments that a suspend, a jump of the clock or a busy process skipped.'),
    duration: ms('Duration of the last sample'),
    skew: ms('How long after the first of its group (`synchronise`) its last sample began').optional(),
    maxSkew: ms('The most that this was').optional(),
    lastSuccess: moment('The last sample that went well').optional(),
    lastError: z.string().optional(),
    restarts: count('How often the process of a plugin was started again.').optional(),
    targets: z
      .object({
        total: count('Targets.'),
        failing: count('Targets that fail now.'),
        failingSince: moment('Since when any of them fails').optional(),
        problems: z.array(z.object({ name: z.string(), problem: z.string() })),
      })
      .optional(),
  })
  .meta({ id: 'Sensor' });

const ledgerView = z
  .object({
    published: count('Events that the sink selected. Equals the sum of all others.'),
    queued: count('In memory.'),
    spooled: count('On disk.'),
    in_flight: count('Sent, not confirmed yet.'),
    delivered: count('The destination is responsible for them.'),
    dead_lettered: count('Refused by the destination for good, and kept.'),
    dropped: z.record(z.string(), z.number()).describe('Given up, by reason.'),
  })
  .meta({ id: 'Ledger' });

export const sinkView = z
  .object({
    name: z.string(),
    type: z.string(),
    destination: z.string().describe('Where it writes to, in a few words, without secrets.'),
    state: z.enum(['idle', 'sending', 'waiting', 'stopped']),
    condition: conditionName,
    reason: z.string().optional().describe('What the last failure was, while it lasts.'),
    failures: count('Failures since the last success.'),
    failingSince: moment('When it began to fail, while it does').optional(),
    lateAnswers: count('Answers that came after their deadline.'),
    ledger: ledgerView,
    lostAt: moment('When events were last given up, but for an operator’s wish').optional(),
    queue: z.object({ events: count('Events in memory.'), bytes: bytes('Their size'), maxBytes: bytes('The limit').optional() }),
    rates: z.object({
      in: count('Events a second that the sink took of late.'),
      out: count('Events a second that were delivered of late.'),
    }),
    latency: z
      .object({ p50: ms('Half of the events were confirmed within this'), p99: ms('99 of 100 were') })
      .optional()
      .describe(
        'From the moment of a sample to its confirmation, over the last five minutes, estimated from a histogram; absent where none was confirmed.',
      ),
    breaker: z
      .object({
        state: z.enum(['closed', 'open', 'half_open']),
        since: moment('When it opened or closed last').optional(),
        blocked: z.string().optional().describe('Why the broker asked to wait, while it does.'),
        blockedSince: moment('Since when it does').optional(),
        nextProbe: ms('Time until the next attempt').optional(),
      })
      .optional()
      .describe('Of a sink to a broker; so are spool, deadLetters, drain and paused.'),
    spool: z
      .object({
        events: count('Events on disk.'),
        bytes: bytes('Their size'),
        maxBytes: bytes('The limit'),
        oldest: moment('The oldest event on disk').optional(),
        ready: z.boolean().describe('Whether it was read, so that sending may begin.'),
        reason: z.string().optional().describe('Why the disk does not take what it should, while it does not.'),
        since: moment('Since when it is not ready or has such a reason').optional(),
      })
      .optional(),
    deadLetters: z.object({ events: count('Dead letters.'), bytes: bytes('Their size') }).optional(),
    drain: z
      .object({
        active: z.boolean().describe('Whether a backlog is being sent: there is one, and nothing keeps it back.'),
        since: moment('When that began, while it is so').optional(),
        rate: rate.describe('The most that is sent of it.'),
        peak: rate.describe('The most that came in within a second.'),
        left: ms('Time until it is empty at this rate, while it is being sent and more may go than comes in').optional(),
      })
      .optional(),
    paused: z.boolean().optional().describe('Whether an operator holds it back.'),
    pausedSince: moment('Since when').optional(),
  })
  .meta({ id: 'Sink' });

export const statusView = z
  .object({
    service: z.object({
      version: z.string(),
      agent: z.string().describe('Identity of this agent in the id of every event.'),
      host: z.string(),
      run: z.string().describe('Tells this run from every other.'),
      started: moment('When it started'),
      now: moment('When this was written'),
    }),
    condition: conditionName.describe('The worst of all findings; well without any.'),
    findings: z.array(finding).describe('What is not well, the worst first.'),
    sensors: z.array(sensorView),
    sinks: z.array(sinkView),
    process: z.object({
      cpu: z.number().describe('Share of one core of late, 1 is a whole one.'),
      rss: bytes('Resident memory'),
      loopDelay: ms('The 99th percentile of what the event loop was late by, of late'),
      lateSince: moment('Since when that is more than half a second, while it is').optional(),
      descriptors: count('Open file descriptors.').optional(),
    }),
    actions: z.boolean().describe('Whether a token for actions is configured.'),
  })
  .meta({ id: 'Status' });

/** What was, in steps of `step`: the last value of each list is the newest. Bounded: the oldest falls out. */
export const historyView = z
  .object({
    step: ms('Time from one value to the next'),
    end: moment('The newest value'),
    sinks: z.record(
      z.string(),
      z.object({
        in: z.array(z.number()).describe('Events a second that the sink took.'),
        out: z.array(z.number()).describe('Events a second that were delivered.'),
        waiting: z.array(z.number()).describe('Events in memory and on disk.'),
      }),
    ),
  })
  .meta({ id: 'History' });

/** The configuration in force, as YAML, secrets hidden. */
export const configView = z.object({ yaml: z.string(), file: z.string().optional() }).meta({ id: 'Configuration' });

/** Every refusal and failure. */
export const errorView = z.object({ error: z.string().describe('What is wrong, and what to do.') }).meta({ id: 'Error' });

export type Condition = z.infer<typeof conditionName>;
export type Finding = z.infer<typeof finding>;
export type SensorView = z.infer<typeof sensorView>;
export type SinkView = z.infer<typeof sinkView>;
export type StatusView = z.infer<typeof statusView>;
export type HistoryView = z.infer<typeof historyView>;
export type ConfigView = z.infer<typeof configView>;

export const liveView = z
  .object({ live: z.boolean(), reason: z.string().optional().describe('Why it does not live.') })
  .meta({ id: 'Live' });

export const readyView = z
  .object({
    ready: z.boolean(),
    reason: z.string().optional().describe('Why it is not ready.'),
    sinks: z.array(
      z.object({
        name: z.string(),
        state: z.enum(['idle', 'sending', 'waiting', 'stopped']),
        condition: conditionName,
        reason: z.string().optional(),
      }),
    ),
  })
  .meta({ id: 'Ready' });

/** Of a change that has nothing more to say. */
export const doneView = z.object({}).meta({ id: 'Done' });

export const countView = z.object({ events: count('How many events it was done to.') }).meta({ id: 'Count' });

export const levelView = z
  .strictObject({ level: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']) })
  .meta({ id: 'Level' });

const amount = {
  events: count('Events.'),
  bytes: bytes('Their size'),
  oldest: moment('When the first was sampled').optional(),
  newest: moment('When the last was sampled').optional(),
};

export const spoolView = z
  .object({
    status: z
      .record(z.string(), z.unknown())
      .describe('What its delivery shows of itself; other releases may show other things.'),
    summary: z.object({
      ...amount,
      lanes: z.array(
        z.object({
          lane: count('Number of the lane.'),
          ...amount,
          losses: z.array(z.record(z.string(), z.unknown())).describe('What is lost and not told to the far end yet.'),
        }),
      ),
      dead: z.object({ ...amount, reasons: z.array(z.object({ reason: z.string(), events: count('Dead letters.') })) }),
      runs: z.array(z.string()).describe('Runs that have not ended: the present one, or those that were killed.'),
    }),
  })
  .meta({ id: 'Spool' });

export const itemView = z
  .object({
    seq: z.string().describe('RUN/LANE/N, the number that it is sent under.'),
    lane: count('Number of the lane.'),
    id: z.string(),
    type: z.string(),
    time: moment('When it was sampled'),
    agent: z.string(),
    host: z.string(),
    sensor: z.string(),
    bytes: bytes('Its size'),
    encoding: z.enum(['json', 'msgpack']),
    number: count('Number of the dead letter.').optional(),
    reason: z.string().optional().describe('Why it is a dead letter.'),
    rejected: moment('Since when it is one').optional(),
    event: z.unknown().optional().describe('The event of format 1.'),
  })
  .meta({ id: 'Item' });

export type LiveView = z.infer<typeof liveView>;
export type ReadyView = z.infer<typeof readyView>;
export type LogLevel = z.infer<typeof levelView>['level'];
