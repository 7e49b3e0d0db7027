/** Whether software can be reached, and since when: by TCP, HTTP, TLS, DNS, ICMP. */
import { type AnyTable, defineSchema, gauge } from '../src/event.ts';
import { options } from '../src/reach/options.ts';
import { PHASES } from '../src/reach/ping.ts';
import type { NodeSampler, Result } from '../src/reach/sampler.ts';
import { defineSensor, type Sampler } from '../src/sensor.ts';

const target = defineSchema({
  type: 'node.target',
  doc: 'The state of each target.',
  attributes: ['node.target', 'node.check'],
  fields: {
    up: gauge('1', '1 when it is up, 0 when it is down. Absent until that is known.'),
    since: gauge('s', 'When that began, as Unix time: the first ping of the row that led to it. It survives a restart.'),
    state_duration: gauge('s', 'How long ago that was.'),
    reachable: gauge('1', '1 when this ping reached it, else 0. Absent when it could not be tried.'),
    failures: gauge('{ping}', 'Pings in a row that have failed.'),
    status: gauge('1', 'Status of the HTTP answer.'),
    answers: gauge('{answer}', 'Answers of DNS.'),
    'certificate.remaining': gauge('s', 'How long the certificate is still valid; negative once it has expired.'),
  },
});

const latency = defineSchema({
  type: 'node.latency',
  doc: `How long each phase of the ping took: ${PHASES.join(', ')}. A phase that was not reached is absent, and of a failed ping the total.`,
  attributes: ['node.target', 'node.phase'],
  fields: { duration: gauge('s', 'Duration. Of icmp the total is the round trip.') },
});

const failed = defineSchema({
  type: 'node.error',
  doc: 'A row for each target that was not reached in this sample; none when all were.',
  attributes: ['node.target', 'error.type', 'error.message'],
  fields: { failed: gauge('1', 'Always 1: the attributes are what it says.') },
});

const transition = defineSchema({
  type: 'node.transition',
  doc: 'A target has become up or down: an event for each. The error is that of the ping that settled it.',
  attributes: ['node.target', 'node.check', 'node.state', 'node.state.before', 'error.type', 'error.message'],
  fields: {
    since: gauge('s', 'When the state began, as Unix time.'),
    duration_before: gauge('s', 'How long the state before lasted. Absent when that was not known.'),
  },
});

export default defineSensor({
  name: 'node',
  summary:
    'Whether software can be reached, and since when: pings by TCP, HTTP, TLS, DNS and ICMP, with an event when that changes.',
  emits: [target, latency, failed, transition],
  options,
  byDefault: false,
  async open(_host, given, context): Promise<Sampler> {
    // TLS and HTTP take a while to load, which nobody is to pay who does not use them.
    const { NodeSampler: Reach } = await import('../src/reach/sampler.ts');
    const sampler: NodeSampler = new Reach(given, context);
    return {
      sample: async (signal, time) => tablesOf(await sampler.sample(signal, time), time / 1000),
      close: () => sampler.close(),
    };
  },
});

function tablesOf(results: readonly Result[], now: number): AnyTable[] {
  const [targets, latencies, failures] = [target.table(), latency.table(), failed.table()];
  const transitions: AnyTable[] = [];
  for (const { name, check, ping, state, since, lasted, failures: row, transition: change } of results) {
    const { failure, phases, seen } = ping;
    const untried = failure?.kind === 'unavailable' || failure?.kind === 'credentials';
    targets.add([name, check], {
      up: state === 'unknown' ? undefined : state === 'up' ? 1 : 0,
      since,
      state_duration: lasted,
      reachable: untried ? undefined : failure ? 0 : 1,
      failures: row,
      status: seen.status,
      answers: seen.answers,
      'certificate.remaining': seen.notAfter === undefined ? undefined : seen.notAfter - now,
    });
    for (const [phase, duration] of phases) latencies.add([name, phase], { duration });
    if (failure) failures.add([name, failure.kind, failure.message], { failed: 1 });
    if (!change) continue;
    const cells = [name, check, change.state, change.before, failure?.kind ?? '', failure?.message ?? ''] as const;
    transitions.push(transition.table().add(cells, { since: change.since, duration_before: change.lasted }));
  }
  const tables: AnyTable[] = [targets, latencies, failures];
  return [...tables.filter(({ rows }) => rows > 0), ...transitions];
}
