/** A service to be asked: the API over what tests say of an agent, at an address of its own. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { onTestFinished, vi } from 'vitest';
import type { AgentStatus } from '../../src/agent-status.ts';
import { systemClock } from '../../src/clock.ts';
import type { Config } from '../../src/config/config.ts';
import { loadConfig } from '../../src/config/load.ts';
import type { DeadLetter } from '../../src/delivery/dead-letters.ts';
import type { DeliveryStatus } from '../../src/delivery/status.ts';
import type { Store } from '../../src/delivery/store.ts';
import type { TideEvent } from '../../src/event.ts';
import type { ServedAgent, ServedDelivery, Service } from '../../src/http/service.ts';
import { Web } from '../../src/http/web.ts';
import { SinkCounts } from '../../src/sink-counts.ts';
import type { ProcessReading } from '../../src/telemetry/process-figures.ts';
import { PROCESS } from '../telemetry/scene.ts';
import { temporaryFolder } from '../temporary.ts';

export const TOKEN = 'a-token-of-24-characters';

const LEDGER = { published: 0, queued: 0, spooled: 0, in_flight: 0, delivered: 0, dead_lettered: 0, dropped: {} };

const ABOUT = {
  state: 'idle',
  ledger: LEDGER,
  lostAt: undefined,
  queuedBytes: 0,
  failures: 0,
  failingSince: undefined,
  reason: undefined,
  lateAnswers: 0,
  oldest: undefined,
  counts: new SinkCounts().view(),
} as const;

/** A broker that takes everything. */
export const WELL = {
  breaker: 'closed',
  failures: 0,
  failingSince: undefined,
  since: undefined,
  changes: { opened: 0, closed: 0, probes: 0 },
  reason: undefined,
  blocked: undefined,
  blockedSince: undefined,
  wellSince: 0,
  nextProbe: undefined,
} as const;

/** A spool with nothing in it. */
export const SPOOL = { events: 0, bytes: 0, oldest: undefined, ready: true, reason: undefined, since: undefined } as const;
const DRAIN = {
  active: false,
  since: undefined,
  rate: { events: 1000, bytes: 1e6 },
  peak: { events: 0, bytes: 0 },
  secondsLeft: undefined,
} as const;

/** A sink to a broker that is well, but for what is said. */
export const brokerStatus = (more: Partial<DeliveryStatus> = {}): DeliveryStatus => ({
  ...ABOUT,
  health: WELL,
  spool: SPOOL,
  deadLetters: { events: 0, bytes: 0 },
  drain: DRAIN,
  paused: false,
  pausedSince: undefined,
  lanes: [{ lane: 0, accepted: 0 }],
  ...more,
});

export const sensorStatus = (
  name: string,
  more: Partial<AgentStatus['sensors'][number]> = {},
): AgentStatus['sensors'][number] => ({
  name,
  state: 'sampling',
  since: 1000,
  why: undefined,
  stats: undefined,
  events: 0,
  ...more,
});

export interface TestAgent extends ServedAgent {
  /** May be replaced at any time. */
  broker: DeliveryStatus;
  sensors: AgentStatus['sensors'];
  late: number;
  reading: ProcessReading;
  /** Publishes to all that listen, and says how many those are. */
  publish(event: TideEvent): number;
}

/** An agent with the sinks `broker`, whose deeds are told, and `file`, which is no broker's. */
export function agentOf(given: { letters?: readonly DeadLetter[]; store?: Store | undefined } = {}): {
  agent: TestAgent;
  deeds: string[];
} {
  const { letters = [], store } = given;
  const deeds: string[] = [];
  const takers = new Set<(event: TideEvent) => void>();
  const tell =
    (what: string) =>
    async (numbers: Iterable<number> = []): Promise<number> => {
      deeds.push(`${what} ${[...numbers].join(' ')}`.trim());
      return [...numbers].length;
    };
  const delivery: ServedDelivery = {
    status: () => agent.broker,
    operations: {
      store,
      deadLetters: async function* () {
        yield* letters;
      },
      retry: tell('retry'),
      discard: tell('discard'),
      discardSpooled: async () => await tell('discard spooled')(),
    },
    pause: () => void deeds.push('pause'),
    resume: () => void deeds.push('resume'),
    probe: () => void deeds.push('probe'),
    drainAt: (rate) => void deeds.push(`drain ${JSON.stringify(rate)}`),
  };
  const agent: TestAgent = {
    run: 'r',
    late: 0,
    reading: PROCESS,
    process: () => agent.reading,
    broker: brokerStatus(),
    sensors: [sensorStatus('load')],
    status: () => ({
      run: 'r',
      sensors: agent.sensors,
      sinks: [
        { name: 'broker', ...agent.broker },
        { name: 'file', ...ABOUT },
      ],
    }),
    subscribe(take) {
      takers.add(take);
      return () => takers.delete(take);
    },
    delivery: (name) => (name === 'broker' ? delivery : undefined),
    publish(event) {
      for (const take of takers) take(event);
      return takers.size;
    },
  };
  return { agent, deeds };
}

const YAML = `
sensors: { load: {} }
sinks:
  broker: { type: kafka, brokers: ["127.0.0.1:9092"] }
  file: { path: events.ndjson }
`;

/** A configuration with the sinks that `agentOf` has, and these lines more. */
export async function configOf(more = '', yaml = YAML): Promise<Config> {
  const file = join(temporaryFolder(), 'tidegate.yaml');
  writeFileSync(file, `${yaml}${more}`);
  return (await loadConfig(file, {}, { hostName: 'edge-7' })).config;
}

export function serviceOf(config: Config, agent: ServedAgent) {
  const log = { debug: vi.fn(), info: vi.fn(), warn: vi.fn(), error: vi.fn() };
  const reload = vi.fn(async (): Promise<string | undefined> => undefined);
  const setLevel = vi.fn();
  const state = { ready: true };
  const service: Service = {
    version: '1.2.3',
    command: 'tidegate',
    agent,
    clock: systemClock,
    log,
    started: 1000,
    config: () => config,
    metrics: () => '# TYPE tidegate_sink_events gauge\ntidegate_sink_events 1\n',
    ready: () => state.ready,
    reload,
    setLevel,
  };
  return { service, log, reload, setLevel, state };
}

/** Serves it at a free port of 127.0.0.1, or where `http` says, as YAML. */
export async function serving(http = '', given: Parameters<typeof agentOf>[0] = {}, listen = '127.0.0.1:0') {
  const { agent, deeds } = agentOf(given);
  const config = await configOf(`http: { listen: "${listen}", ${http} }\n`);
  const about = serviceOf(config, agent);
  const web = new Web(about.service);
  await web.configure(config.http);
  onTestFinished(async () => await web.close());
  const base = web.urls[0] as string;
  const ask = async (path: string, options: RequestInit = {}): Promise<Response> =>
    await fetch(`${base}${path}`, { signal: AbortSignal.timeout(25_000), ...options });
  const post = async (path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Response> =>
    await ask(path, {
      method: 'POST',
      headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json', ...headers },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
  return { ...about, agent, deeds, web, base, ask, post, config };
}
