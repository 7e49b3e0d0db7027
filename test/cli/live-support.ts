/** A service as `top` and `tap` see it, that tells what a test wants: over its socket in a folder for state, or over a port with a token. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach } from 'vitest';
import { JsonEncoder } from '../../src/codec/json.ts';
import { createSource, defineSchema, TideEvent as Event, gauge, type TideEvent } from '../../src/event.ts';
import type { SensorView, SinkView, StatusView } from '../../src/http/view.ts';

/** 2026-01-02 03:04:05 UTC. */
const NOW = Date.UTC(2026, 0, 2, 3, 4, 5);

export function sensorOf(name: string, more: Partial<SensorView> = {}): SensorView {
  return {
    name,
    type: name,
    state: 'sampling',
    since: NOW - 3_600_000,
    interval: 10_000,
    samples: 1234,
    failures: 0,
    failuresInARow: 0,
    overruns: 0,
    timeouts: 0,
    missed: 0,
    duration: 1.25,
    lastSuccess: NOW - 4000,
    ...more,
  };
}

export function sinkOf(name: string, more: Partial<SinkView> = {}): SinkView {
  return {
    name,
    type: 'file',
    destination: `/var/lib/tidegate/${name}.ndjson`,
    state: 'idle',
    condition: 'well',
    failures: 0,
    lateAnswers: 0,
    ledger: { published: 1200, queued: 0, spooled: 0, in_flight: 0, delivered: 1200, dead_lettered: 0, dropped: {} },
    queue: { events: 0, bytes: 0 },
    rates: { in: 12.5, out: 12.5 },
    latency: { p50: 3, p99: 21.5 },
    ...more,
  };
}

/** A sink to a broker that is away, with a backlog. */
export const awaySink = (name: string): SinkView =>
  sinkOf(name, {
    type: 'kafka',
    destination: 'kafka at 127.0.0.1:9092, topic telemetry',
    state: 'waiting',
    condition: 'degraded',
    reason: 'connect ECONNREFUSED 127.0.0.1:9092',
    failures: 7,
    ledger: {
      published: 43_000,
      queued: 180,
      spooled: 41_200,
      in_flight: 0,
      delivered: 1610,
      dead_lettered: 4,
      dropped: { expired: 6 },
    },
    queue: { events: 180, bytes: 120_000, maxBytes: 64 * 2 ** 20 },
    rates: { in: 1250, out: 0 },
    breaker: { state: 'open', since: NOW - 120_000, nextProbe: 12_000 },
    spool: { events: 41_200, bytes: 30_500_000, maxBytes: 2 ** 31, oldest: NOW - 125_000, ready: true },
    deadLetters: { events: 4, bytes: 3000 },
    drain: { active: false, rate: { events: 2500, bytes: 2e6 }, peak: { events: 1300, bytes: 1e6 } },
  });

export function statusOf(more: Partial<StatusView> = {}): StatusView {
  return {
    service: { version: '0.1.0', agent: 'edge-7', host: 'edge-7', run: 'mwyo117ze77222', started: NOW - 11_520_000, now: NOW },
    condition: 'well',
    findings: [],
    sensors: ['cpu', 'memory', 'disk'].map((name) => sensorOf(name)),
    sinks: [sinkOf('archive')],
    process: { cpu: 0.012, rss: 88_400_000, loopDelay: 1.1, descriptors: 34 },
    actions: false,
    ...more,
  };
}

export const troubledStatus = (): StatusView =>
  statusOf({
    condition: 'degraded',
    findings: [
      {
        condition: 'degraded',
        subject: 'sink broker',
        text: 'The broker at 127.0.0.1:9092 is away since 03:02:05 UTC (connect ECONNREFUSED 127.0.0.1:9092); next attempt in 12 s; 41,200 events (30.5 MB) are kept on disk.',
        since: NOW - 120_000,
      },
    ],
    sinks: [sinkOf('archive'), awaySink('broker')],
    sensors: [
      sensorOf('cpu'),
      sensorOf('gpu', { state: 'unavailable', why: 'nvidia-smi is not there', samples: 0 }),
      sensorOf('web', { failures: 12, failuresInARow: 3, lastError: 'timeout after 5s', duration: 5000 }),
    ],
  });

const schema = defineSchema({
  type: 'system.disk',
  doc: '',
  attributes: ['system.device'],
  fields: { io: gauge('By', '') },
});
const encoder = new JsonEncoder();

/** The nth event of a sensor, as JSON. */
export function eventText(n: number, { device = 'sda', sensor = 'disk' } = {}): string {
  const table = schema
    .table()
    .add([device], { io: n * 1024 })
    .seal();
  const source = createSource({ agent: 'edge-7', run: 'r', sensor, host: 'edge-7', labels: {} });
  const event: TideEvent = new Event(source, n, NOW + n * 250, table);
  return encoder.encode(event);
}

export const message = (event: string, data: string): string => `event: ${event}\ndata: ${data}\n\n`;

interface StubOptions {
  readonly status?: () => StatusView | undefined;
  /** What is written to a reader of events, who stays unless it is ended. */
  readonly events?: (response: ServerResponse, request: IncomingMessage) => void;
  readonly token?: string;
}

const open = new Set<Server>();
afterEach(async () => {
  for (const server of open) await closeStub(server);
});

export async function closeStub(server: Server): Promise<void> {
  open.delete(server);
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
}

/** Where a service with this folder for state listens. */
export const socketIn = (state: string): string => join(state, 'control.sock');

export async function stub(where: string | 0, { status, events, token }: StubOptions): Promise<{ server: Server; url: string }> {
  const server = createServer((request, response) => {
    const refuse = (code: number, error: string): void => {
      response.writeHead(code, { 'content-type': 'application/json' }).end(JSON.stringify({ error }));
    };
    if (token !== undefined && request.headers.authorization !== `Bearer ${token}`) return refuse(401, 'no token');
    const { pathname } = new URL(request.url ?? '/', 'http://stub');
    if (pathname === '/api/status' && status) {
      const told = status();
      if (!told) return void response.destroy();
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(told));
      return;
    }
    if (pathname !== '/api/events' || !events) return refuse(404, `there is no ${pathname}`);
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write(': hello\n\n');
    events(response, request);
  });
  await new Promise<void>((resolve) => server.listen(where === 0 ? { port: 0, host: '127.0.0.1' } : { path: where }, resolve));
  open.add(server);
  return { server, url: where === 0 ? `http://127.0.0.1:${(server.address() as AddressInfo).port}` : '' };
}
