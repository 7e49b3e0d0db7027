/** Whether the service lives, and whether it is ready, for whatever starts and watches it. */
import type { Service } from './service.ts';
import type { LiveView, ReadyView, SinkView } from './view.ts';

/** A scheduler that is late by this will hardly come back, in milliseconds. */
const LATE_MS = 30_000;

/** Who is answered has found the event loop turning; the scheduler is asked. */
export function alive({ agent, ready }: Service): LiveView {
  if (!ready() || agent.late <= LATE_MS) return { live: true };
  return { live: false, reason: `the scheduler is late by ${Math.round(agent.late / 1000)} s` };
}

/** By `http.ready`; a sink that fails is told in any case. */
export function readiness(service: Service, sinks: readonly SinkView[]): ReadyView {
  const seen = sinks.map(({ name, state, condition, reason }) => ({
    name,
    state,
    condition,
    ...(reason !== undefined && { reason }),
  }));
  const works = (sink: SinkView): boolean =>
    sink.failures === 0 && sink.breaker?.blocked === undefined && sink.state !== 'stopped';
  const rule = service.config().http.ready;
  const enough = rule === 'started' || (rule === 'any' ? sinks.length === 0 || sinks.some(works) : sinks.every(works));
  if (!service.ready()) return { ready: false, reason: 'it is starting', sinks: seen };
  if (enough) return { ready: true, sinks: seen };
  const failing = sinks.filter((sink) => !works(sink)).map(({ name }) => name);
  return { ready: false, reason: `http.ready is ${rule}, and these sinks do not work: ${failing.join(', ')}`, sinks: seen };
}
