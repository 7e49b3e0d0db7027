/** What the service shows of itself, made of what its parts say and of what the configuration is. */
import type { AgentStatus } from '../agent-status.ts';
import type { Config, SinkEntry } from '../config/config.ts';
import { deliveryOf } from '../delivery/options.ts';
import type { DeliveryStatus } from '../delivery/status.ts';
import { destinationOf } from '../destination.ts';
import { type JobStats, noStats } from '../job-stats.ts';
import { isBroker } from '../sink.ts';
import { findingsOf, worst } from './findings.ts';
import type { Monitor } from './monitor.ts';
import { redacted } from './redact.ts';
import type { Service } from './service.ts';
import type { Finding, SensorView, SinkView, StatusView } from './view.ts';

/** `actions` is whether a token for them is configured. */
export function statusOf(service: Service, monitor: Monitor, actions: boolean): StatusView {
  const { agent, clock } = service;
  const config = service.config();
  const status = agent.status();
  const sensors = status.sensors.map((sensor) => sensorOf(sensor, config));
  const sinks = status.sinks.map((sink) => sinkOf(sink, config, monitor));
  const process = monitor.process();
  const findings = findingsOf({ sensors, sinks, process, config, command: service.command, now: clock.wall() });
  return {
    service: {
      version: service.version,
      agent: config.agent,
      host: config.host,
      run: agent.run,
      started: service.started,
      now: clock.wall(),
    },
    condition: worst(findings),
    findings: findings.map(({ text, ...about }) => ({ ...about, text: config.secrets.redact(text) })),
    sensors: sensors.map((sensor) => shown(sensor, config)),
    sinks: sinks.map((sink) => shown({ ...sink, condition: worst(about(findings, sink.name)) }, config)),
    process,
    actions,
  };
}

const about = (findings: readonly Finding[], sink: string): Finding[] =>
  findings.filter(({ subject }) => subject === `sink ${sink}`);

/** The names are the configuration's own, also where one is the text of a secret. */
const shown = <T extends SensorView | SinkView>(view: T, { secrets }: Config): T => ({
  ...redacted(view, secrets),
  name: view.name,
  type: view.type,
});

function sensorOf(
  { name, state, since, why, stats, restarts, targets }: AgentStatus['sensors'][number],
  config: Config,
): SensorView {
  const entry = config.sensors.find((one) => one.name === name);
  return {
    name,
    type: entry?.type ?? name,
    state,
    since,
    ...(why !== undefined && { why }),
    interval: entry?.interval ?? 0,
    ...samplesOf(stats ?? noStats()),
    ...(restarts !== undefined && { restarts }),
    ...(targets && {
      targets: {
        total: targets.total,
        failing: targets.failing,
        ...(targets.failingSince !== undefined && { failingSince: targets.failingSince }),
        problems: targets.problems.map((problem) => ({ ...problem })),
      },
    }),
  };
}

function samplesOf({ samples, failures, failuresInARow, overruns, timeouts, missed, duration, ...last }: Readonly<JobStats>) {
  return {
    samples,
    failures,
    failuresInARow,
    overruns,
    timeouts,
    missed,
    duration,
    ...(last.skew !== undefined && { skew: last.skew, maxSkew: last.maxSkew ?? last.skew }),
    ...(last.failingSince !== undefined && { failingSince: last.failingSince }),
    ...(last.lastSuccess !== undefined && { lastSuccess: last.lastSuccess }),
    ...(last.lastError !== undefined && { lastError: last.lastError }),
  };
}

type SinkStatus = AgentStatus['sinks'][number];

function sinkOf(sink: SinkStatus, config: Config, monitor: Monitor): SinkView {
  const entry = config.sinks.find((one) => one.name === sink.name);
  const { name, state, reason, failures, failingSince, lateAnswers, ledger, lostAt, queuedBytes } = sink;
  const latency = monitor.latency(sink);
  const maxBytes = entry?.common.queue.max_bytes;
  return {
    name,
    type: entry?.type ?? name,
    destination: entry ? destinationOf(entry) : '',
    state,
    condition: 'well',
    ...(reason !== undefined && { reason }),
    failures,
    ...(failingSince !== undefined && { failingSince }),
    lateAnswers,
    ledger: { ...ledger, dropped: { ...ledger.dropped } },
    ...(lostAt !== undefined && { lostAt }),
    queue: { events: ledger.queued, bytes: queuedBytes, ...(maxBytes !== undefined && { maxBytes }) },
    rates: monitor.rates(sink),
    ...(latency && { latency }),
    ...('health' in sink && brokerOf(sink, entry)),
  };
}

/** What a sink to a broker has besides. */
function brokerOf(status: DeliveryStatus, entry: SinkEntry | undefined) {
  const { health, spool, deadLetters, drain, paused, pausedSince } = status;
  const maxBytes = entry && isBroker(entry.definition) ? deliveryOf(entry.options).spool.max_bytes : 0;
  return {
    breaker: {
      state: health.breaker,
      ...(health.since !== undefined && { since: health.since }),
      ...(health.blocked !== undefined && { blocked: health.blocked }),
      ...(health.blockedSince !== undefined && { blockedSince: health.blockedSince }),
      ...(health.nextProbe !== undefined && { nextProbe: health.nextProbe }),
    },
    spool: {
      events: spool.events,
      bytes: spool.bytes,
      maxBytes,
      ...(spool.oldest !== undefined && { oldest: spool.oldest }),
      ready: spool.ready,
      ...(spool.reason !== undefined && { reason: spool.reason }),
      ...(spool.since !== undefined && { since: spool.since }),
    },
    deadLetters: { ...deadLetters },
    drain: {
      active: drain.active,
      ...(drain.since !== undefined && { since: drain.since }),
      rate: { ...drain.rate },
      peak: { ...drain.peak },
      ...(drain.secondsLeft !== undefined && { left: drain.secondsLeft * 1000 }),
    },
    paused,
    ...(pausedSince !== undefined && { pausedSince }),
  } satisfies Partial<SinkView>;
}
