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
  const process = monitor.figures.view();
  const findings = findingsOf({ sensors, sinks, process, config, monitor, now: clock.wall() });
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

function sensorOf({ name, state, why, stats, restarts, targets }: AgentStatus['sensors'][number], config: Config): SensorView {
  const entry = config.sensors.find((one) => one.name === name);
  return {
    name,
    type: entry?.type ?? name,
    state,
    ...(why !== undefined && { why }),
    interval: entry?.interval ?? 0,
    ...samplesOf(stats ?? noStats()),
    ...(restarts !== undefined && { restarts }),
    ...(targets && {
      targets: { total: targets.total, failing: targets.failing, problems: targets.problems.map((problem) => ({ ...problem })) },
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
    ...(last.lastSuccess !== undefined && { lastSuccess: last.lastSuccess }),
    ...(last.lastError !== undefined && { lastError: last.lastError }),
  };
}

type SinkStatus = AgentStatus['sinks'][number];

function sinkOf(sink: SinkStatus, config: Config, monitor: Monitor): SinkView {
  const entry = config.sinks.find((one) => one.name === sink.name);
  const { name, state, reason, failures, lateAnswers, ledger, queuedBytes } = sink;
  const maxBytes = entry?.common.queue.max_bytes;
  return {
    name,
    type: entry?.type ?? name,
    destination: entry ? destinationOf(entry) : '',
    state,
    condition: 'well',
    ...(reason !== undefined && { reason }),
    failures,
    lateAnswers,
    ledger: { ...ledger, dropped: { ...ledger.dropped } },
    queue: { events: ledger.queued, bytes: queuedBytes, ...(maxBytes !== undefined && { maxBytes }) },
    rates: monitor.rates(sink),
    ...('health' in sink && brokerOf(sink, entry)),
  };
}

/** What a sink to a broker has besides. */
function brokerOf(status: DeliveryStatus, entry: SinkEntry | undefined) {
  const { health, spool, deadLetters, drain, paused } = status;
  const maxBytes = entry && isBroker(entry.definition) ? deliveryOf(entry.options).spool.max_bytes : 0;
  return {
    breaker: {
      state: health.breaker,
      ...(health.failingSince !== undefined && { since: health.failingSince }),
      ...(health.blocked !== undefined && { blocked: health.blocked }),
      ...(health.nextProbe !== undefined && { nextProbe: health.nextProbe }),
    },
    spool: {
      events: spool.events,
      bytes: spool.bytes,
      maxBytes,
      ...(spool.oldest !== undefined && { oldest: spool.oldest }),
      ready: spool.ready,
      ...(spool.reason !== undefined && { reason: spool.reason }),
    },
    deadLetters: { ...deadLetters },
    drain: {
      active: drain.active,
      rate: { ...drain.rate },
      peak: { ...drain.peak },
      ...(drain.secondsLeft !== undefined && { left: drain.secondsLeft * 1000 }),
    },
    paused,
  } satisfies Partial<SinkView>;
}
