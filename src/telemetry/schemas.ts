/** What tidegate measures of itself, as schemas: the one declaration behind the sensor `tidegate`, the page of metrics, OTLP and the docs. */
import { counter, defineSchema, gauge, type Schema, updowncounter } from '../event.ts';

export const sink = defineSchema({
  type: 'tidegate.sink',
  doc: 'A sink. What it was given is delivered, dropped under a rule, or in one of the places of `tidegate.sink.events`.',
  attributes: ['sink'],
  fields: {
    published: counter('{event}', 'Events that the sink selected, and those that its spool held at the start.'),
    delivered: counter('{event}', 'Events that the destination is responsible for.'),
    failures_in_a_row: gauge('{failure}', 'Failures since the last success.'),
    late_answers: counter('{answer}', 'Answers that came after their deadline; what they confirmed is sent again.'),
  },
});

export const place = defineSchema({
  type: 'tidegate.sink',
  doc: 'The ledger of a sink: its events by where they are (`queued`, `spooled`, `in_flight`, `delivered`, `dead_lettered`). With what was dropped they make up what was published.',
  attributes: ['sink', 'place'],
  fields: { events: updowncounter('{event}', 'Events in that place.') },
});

export const dropped = defineSchema({
  type: 'tidegate.sink',
  doc: 'Events of a sink that were given up, by why: `queue_full`, `expired`, `rejected`, `shutdown`, `spool_full`, `corrupted`, `discarded`.',
  attributes: ['sink', 'reason'],
  fields: { dropped: counter('{event}', 'Events that were given up.') },
});

export const failed = defineSchema({
  type: 'tidegate.sink.failed',
  doc: 'Calls to a destination that failed, by cause: `timeout`, `transient`, `blocked`, `rejected`, `misconfigured`.',
  attributes: ['sink', 'cause'],
  fields: {
    attempts: counter('{attempt}', 'Calls that failed, to connect or to write.'),
    events: counter('{event}', 'Events of these calls that were not taken: sent again, unless one was rejected alone.'),
  },
});

export const queue = defineSchema({
  type: 'tidegate.sink.queue',
  doc: 'What a sink has in memory.',
  attributes: ['sink'],
  fields: {
    bytes: updowncounter('By', 'Estimated size of the events that wait in memory.'),
    age: gauge('s', 'Age of the oldest event in memory; absent without any.'),
  },
});

export const latency = defineSchema({
  type: 'tidegate.sink.latency',
  doc: 'From the moment of an event’s sample to its confirmation: events by the time it took, each bucket with those before it.',
  attributes: ['sink', 'le'],
  fields: { bucket: counter('{event}', 'Events that took no longer than `le` seconds.') },
});

export const latencyTotal = defineSchema({
  type: 'tidegate.sink.latency',
  doc: 'The same, all events of a sink together.',
  attributes: ['sink'],
  fields: {
    sum: counter('s', 'Time from their sample to their confirmation, summed over events.'),
    count: counter('{event}', 'Events that were confirmed.'),
  },
});

export const write = defineSchema({
  type: 'tidegate.sink.write',
  doc: 'From the call that writes a batch to its confirmation: batches by the time it took, each bucket with those before it.',
  attributes: ['sink', 'le'],
  fields: { bucket: counter('{batch}', 'Batches that took no longer than `le` seconds.') },
});

export const writeTotal = defineSchema({
  type: 'tidegate.sink.write',
  doc: 'The same, all batches of a sink together.',
  attributes: ['sink'],
  fields: {
    sum: counter('s', 'Time that writing took, summed over batches.'),
    count: counter('{batch}', 'Batches that were confirmed as a whole.'),
  },
});

export const spool = defineSchema({
  type: 'tidegate.sink.spool',
  doc: 'The spool and the dead letters of a sink to a broker.',
  attributes: ['sink'],
  fields: {
    bytes: updowncounter('By', 'Size of the events on disk.'),
    age: gauge('s', 'Age of the oldest event on disk; absent without any.'),
    ready: gauge('{spool}', '1 when the spool was read, so that sending may begin, or else 0.'),
    failing: gauge('{spool}', '1 while the disk does not take what it should, or else 0.'),
    dead_letter_bytes: updowncounter('By', 'Size of the dead letters on disk.'),
  },
});

export const drain = defineSchema({
  type: 'tidegate.sink.drain',
  doc: 'How the backlog of a sink to a broker empties.',
  attributes: ['sink'],
  fields: {
    active: gauge(
      '{backlog}',
      '1 while a backlog is being sent, or else 0: without one, and while the broker is away or the sink is paused.',
    ),
    rate: gauge('{event}/s', 'The most that is sent of it a second.'),
    byte_rate: gauge('By/s', 'The same in bytes.'),
    peak: gauge('{event}/s', 'The most events that came in within a second, of late.'),
    time_left: gauge('s', 'Time until it is empty at this rate; absent while none is being sent, and where it never will be.'),
    paused: gauge('{sink}', '1 while an operator has paused the sink, or else 0.'),
  },
});

export const breaker = defineSchema({
  type: 'tidegate.sink.breaker',
  doc: 'The breaker of a sink to a broker.',
  attributes: ['sink'],
  fields: {
    opened: counter('{change}', 'How often it opened: outages of the broker.'),
    closed: counter('{change}', 'How often it closed again.'),
    probes: counter('{probe}', 'Probes that were made while it was open.'),
    next_probe: gauge('s', 'Time until the next attempt; absent while nothing is waited for.'),
    blocked: gauge('{broker}', '1 while the broker asks to wait, or else 0.'),
  },
});

export const breakerState = defineSchema({
  type: 'tidegate.sink.breaker',
  doc: 'The state of that breaker: `closed`, `open`, `half_open`.',
  attributes: ['sink', 'state'],
  fields: { state: gauge('{breaker}', '1 for the state that it is in, 0 for the others.') },
});

export const sensor = defineSchema({
  type: 'tidegate.sensor',
  doc: 'A sensor. Its counts begin again when its options change.',
  attributes: ['sensor'],
  fields: {
    available: gauge('{sensor}', '1 while it samples, 0 while it is unavailable.'),
    samples: counter('{sample}', 'Samples begun.'),
    events: counter('{event}', 'Events published.'),
    failures_in_a_row: gauge('{failure}', 'Failures since the last success.'),
    overruns: counter('{moment}', 'Moments at which the sample before was still running.'),
    timeouts: counter('{sample}', 'Samples that took too long.'),
    missed: counter('{moment}', 'Moments that a suspend, a jump of the clock or a busy process skipped.'),
    duration: gauge('s', 'Duration of the last sample.'),
    time: counter('s', 'Duration of all samples together.'),
    skew: gauge('s', 'How long after the first of its group (`synchronise`) its last sample began; absent without a group.'),
    'skew.max': gauge('s', 'The most that this was.'),
    restarts: counter('{restart}', 'How often the process of a plugin was started again; absent for a sensor that is none.'),
    last_success: gauge('s', 'When the last sample that went well began, as Unix time; absent before the first.'),
  },
});

export const sensorFailed = defineSchema({
  type: 'tidegate.sensor',
  doc: 'Samples of a sensor that failed, by why: `timeout`, `malformed`, `unavailable`, `system`, `other`.',
  attributes: ['sensor', 'reason'],
  fields: { failed: counter('{sample}', 'Samples that failed.') },
});

export const targets = defineSchema({
  type: 'tidegate.sensor.targets',
  doc: 'The targets of a sensor that has many sources.',
  attributes: ['sensor'],
  fields: {
    count: updowncounter('{target}', 'Targets.'),
    failing: updowncounter('{target}', 'Targets with which something is wrong.'),
    overruns: counter('{moment}', 'Moments at which a target’s sample before was still running.'),
  },
});

export const processCpu = defineSchema({
  type: 'tidegate.process.cpu',
  doc: 'CPU of the service, by `user` and `system`.',
  attributes: ['cpu.mode'],
  fields: { time: counter('s', 'CPU time of all its threads.') },
});

export const service = defineSchema({
  type: 'tidegate.process',
  doc: 'The process of the service.',
  attributes: [],
  fields: {
    uptime: gauge('s', 'Time since it started.'),
    'memory.usage': updowncounter('By', 'Resident memory.'),
    'memory.heap': updowncounter('By', 'Used part of the JavaScript heap.'),
    'unix.file_descriptor.count': updowncounter(
      '{file_descriptor}',
      'Open file descriptors; absent where the platform does not say.',
    ),
  },
});

export const eventLoop = defineSchema({
  type: 'tidegate.process.eventloop',
  doc: 'The event loop of the service, over ten seconds or more; absent until they are over.',
  attributes: [],
  fields: {
    'delay.p50': gauge('s', 'Half of its turns came no later than this.'),
    'delay.p99': gauge('s', '99 of 100 did.'),
    'delay.max': gauge('s', 'How late the latest was.'),
    utilization: gauge('1', 'Share of the time that it was busy.'),
  },
});

/** Which two schemas are a histogram: its buckets, and its sum and count. */
export const HISTOGRAMS: readonly { readonly buckets: Schema; readonly total: Schema }[] = [
  { buckets: latency, total: latencyTotal },
  { buckets: write, total: writeTotal },
];

/** All of them, in the order in which they are shown. */
export const SELF_SCHEMAS: readonly Schema[] = [
  sink,
  place,
  dropped,
  failed,
  queue,
  latency,
  latencyTotal,
  write,
  writeTotal,
  spool,
  drain,
  breaker,
  breakerState,
  sensor,
  sensorFailed,
  targets,
  processCpu,
  service,
  eventLoop,
];
