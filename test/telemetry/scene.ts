/** A small service in known trouble, on a clock that stands still: what its self-metrics say can be worked out by hand. */
import type { AgentStatus } from '../../src/agent-status.ts';
import { SinkError } from '../../src/errors.ts';
import { noStats } from '../../src/job-stats.ts';
import type { ProcessReading } from '../../src/telemetry/process-figures.ts';
import { Bench, settingsOf } from '../delivery/parts.ts';
import { setup } from '../runner-setup.ts';

export const PROCESS: ProcessReading = {
  uptime: 100,
  cpu: { user: 1.5, system: 0.5 },
  memory: 80e6,
  heap: 20e6,
  descriptors: 25,
  loop: { p50: 0, p99: 0.002, max: 0.01, utilization: 0.125 },
};

/** A broker that failed, opened the breaker and is back; half of what came since waits on disk. A file that takes everything but one event. */
export async function scene(): Promise<{ status: AgentStatus; now: number; bench: Bench }> {
  const bench = new Bench(settingsOf({ breaker: { failures: 2, after: '1s' } }));
  const { clock, broker, delivery } = bench;
  bench.publish(3);
  await clock.advance(20);
  broker.answer = () => {
    throw new SinkError('transient', 'the broker is away');
  };
  bench.publish(4);
  await clock.advance(10_000);
  const file = setup({}, undefined, clock);
  file.publish(5);
  await clock.advance(600);
  const stats = { ...noStats(), samples: 7, failures: 2, failed: { timeout: 1, malformed: 1 }, duration: 12, totalDuration: 80 };
  const sensors: AgentStatus['sensors'] = [
    {
      name: 'cpu',
      state: 'sampling',
      since: 0,
      why: undefined,
      stats: { ...stats, lastSuccess: 1_763_856_000_000, skew: 2, maxSkew: 9 },
      events: 5,
      restarts: 2,
    },
    {
      name: 'pages',
      state: 'sampling',
      since: 0,
      why: undefined,
      stats: noStats(),
      events: 0,
      targets: { total: 3, failing: 1, failingSince: 0, overruns: 2, problems: [{ name: 'a', problem: 'it is down' }] },
    },
    { name: 'gpu', state: 'unavailable', since: 0, why: 'there is none', stats: undefined, events: 0 },
  ];
  const sinks = [
    { name: 'broker', ...delivery.status() },
    { name: 'archive', ...file.runner.status() },
  ];
  return { status: { run: 'run', sensors, sinks }, now: clock.wall(), bench };
}
