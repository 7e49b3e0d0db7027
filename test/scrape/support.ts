/** What tests of scraping share: servers on loopback that answer as a test says, and targets sampled by hand. */
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll } from 'vitest';
import prometheus from '../../sensors/prometheus.ts';
import type { Table } from '../../src/event.ts';
import type { Sampler, Target } from '../../src/sensor.ts';
import { fixtureHost, open, type PlainRow, type PlainTable, plain } from '../support.ts';

export interface Served {
  /** Without a path. */
  readonly origin: string;
  readonly port: number;
  readonly requests: IncomingMessage[];
  /** Connections that were opened. */
  readonly connections: () => number;
  readonly server: Server;
}

/** A server on a free port of loopback, closed after the test file. */
export async function serve(answer: RequestListener, server: Server = createServer()): Promise<Served> {
  const requests: IncomingMessage[] = [];
  let connections = 0;
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    requests.push(request);
    answer(request, response);
  });
  server.on('connection', () => connections++);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const scheme = 'setSecureContext' in server ? 'https' : 'http';
  return { origin: `${scheme}://127.0.0.1:${port}`, port, requests, connections: () => connections, server };
}

export const TEXT = { 'content-type': 'text/plain; version=0.0.4' };
export const OPEN_METRICS = { 'content-type': 'application/openmetrics-text; version=1.0.0; charset=utf-8' };

/** Answers every request with a page. */
export const page =
  (text: string | Buffer | (() => string), headers: Record<string, string> = TEXT): RequestListener =>
  (_request, response) =>
    void response.writeHead(200, headers).end(typeof text === 'function' ? text() : text);

/** The sensor, opened and closed after the test file. */
export async function scraper(options: unknown): Promise<Sampler> {
  const sampler = await open(prometheus, fixtureHost('prometheus'), options);
  afterAll(() => sampler.close?.());
  return sampler;
}

/** The targets now. */
export function targetsOf(sampler: Sampler): readonly Target[] {
  let targets: readonly Target[] = [];
  sampler.targets?.((changed) => {
    targets = changed;
  });
  return targets;
}

export interface Scrape {
  readonly tables: readonly Table[];
  readonly plain: readonly PlainTable[];
  /** The row that says how it went. */
  readonly report: PlainRow;
  /** `name{label="value",…}` to the value of each sample. */
  readonly values: Record<string, number>;
}

/** One scrape of a target. */
export async function scrape(target: Target, timeout = 5000): Promise<Scrape> {
  return told((await target.sample(new AbortController().signal, timeout)).map((table) => table.seal()));
}

function told(tables: readonly Table[]): Scrape {
  const all = tables.map(plain);
  const rows = (type: string): PlainRow[] => all.filter((table) => table.type.endsWith(type)).flatMap((table) => table.rows);
  const values = Object.fromEntries(rows('.sample').map((row) => [seriesOf(row), row['value'] as number]));
  return { tables, plain: all, report: rows('.scrape')[0] ?? {}, values };
}

function seriesOf(row: PlainRow): string {
  const labels = Object.entries(row['labels'] as Record<string, string>).map(
    ([name, value]) => `${name}=${JSON.stringify(value)}`,
  );
  return `${String(row['name'])}${labels.length > 0 ? `{${labels.join(',')}}` : ''}`;
}

/** Series that a scrape says are stale. */
export const staleOf = ({ plain: tables }: Pick<Scrape, 'plain'>): string[] =>
  tables.filter((table) => table.type.endsWith('.stale')).flatMap((table) => table.rows.map(seriesOf));

/** Opens the sensor on one target and returns it. */
export async function targetAt(url: string, options: object = {}): Promise<Target> {
  const [target] = targetsOf(await scraper({ targets: [url], ...options }));
  if (target === undefined) throw new Error(`${url} is no target`);
  return target;
}
