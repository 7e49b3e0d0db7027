/** A service with plugins that fail: what an operator sees of their restarts, and what arrives at a destination that was away. */
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { logOf, type Started, serve, until } from '../cli/process-support.ts';
import { REPOSITORY, writeFiles } from '../support.ts';

const PAGE = readFileSync(join(REPOSITORY, 'docs/plugins.md'), 'utf8');
/** The sink of the documentation, as it stands. */
const POST = [...PAGE.matchAll(/^```ts\n([^]*?)^```$/gm)].map(([, code = '']) => code).find((code) => code.includes("'post'"));

const TIDE = `import { defineSchema, defineSensor, gauge, z } from 'tidegate/sensor';
const tide = defineSchema({ type: 'own.tide', doc: 'T.', attributes: [], fields: { n: gauge('1', 'N.') } });
export default defineSensor({ name: 'tide', summary: 'T.', emits: [tide], options: z.strictObject({}),
  open: (_host, _options, { state }) => ({ async sample() {
    if (state.load() === undefined) { await state.save(1); process.exit(3); }
    return [tide.table().add([], { n: 1 })];
  } }) });
`;

interface Posted {
  readonly seq: string | null;
  readonly event: { readonly id: string; readonly type: string };
}

/** An HTTP destination that can be away, and can answer what it likes. */
class Destination {
  readonly lines: Posted[] = [];
  answer: (lines: readonly Posted[]) => number | undefined = () => 204;
  #server: Server | undefined;
  #port = 0;

  get url(): string {
    return `http://127.0.0.1:${this.#port}/events`;
  }

  async open(): Promise<void> {
    const server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const lines = Buffer.concat(chunks)
          .toString()
          .trim()
          .split('\n')
          .map((line) => JSON.parse(line) as Posted);
        const status = this.answer(lines);
        // Without an answer it may have taken them or not.
        if (status === undefined || status < 300) this.lines.push(...lines);
        if (status === undefined) request.socket.destroy();
        else response.writeHead(status).end();
      });
    });
    await new Promise<void>((done) => server.listen(this.#port, '127.0.0.1', done));
    this.#port = (server.address() as AddressInfo).port;
    this.#server = server;
  }

  async close(): Promise<void> {
    const closed = new Promise((done) => this.#server?.close(done));
    this.#server?.closeAllConnections();
    await closed;
  }
}

const addressOf = (service: Started): string =>
  (logOf(service.written.err).find(({ msg }) => msg === 'runs')?.['pages'] as string[] | undefined)?.[0] ?? '';
const runs = (service: Started) => () => service.written.err.includes('"msg":"runs"');

function withPlugins(files: Readonly<Record<string, string>>, more: string) {
  return serve((work) => {
    writeFiles(join(work, 'plugins'), { ...files });
    return `plugins: [./plugins]\n${more}`;
  });
}

test('how often the process of a sensor was started again is told by the API and the self-metrics', async () => {
  const { service } = withPlugins(
    { 'sensors/tide.ts': TIDE },
    'interval: 200ms\nsensors: { tide: {}, load: {} }\nsinks: { console: {} }\nhttp: { listen: "127.0.0.1:0" }\n',
  );
  await until('ran', runs(service), service);
  const base = addressOf(service);
  type Seen = { sensors: { name: string; restarts?: number }[] };
  const restarts = async (): Promise<unknown> => {
    const { sensors } = (await (await fetch(`${base}/api/status`)).json()) as Seen;
    return Object.fromEntries(sensors.map(({ name, restarts: times }) => [name, times]));
  };
  await expect.poll(restarts, { timeout: 20_000 }).toEqual({ tide: 1, load: undefined });
  const page = await (await fetch(`${base}/metrics`)).text();
  expect(page).toMatch(/^tidegate_sensor_restarts_total\{sensor="tide"\} 1$/m);
  expect(page).not.toContain('restarts_total{sensor="load"}');
});

test.runIf(process.platform === 'linux')(
  'a destination that is away, answers half of the time and refuses one event gets all others, in order',
  async () => {
    const destination = new Destination();
    await destination.open();
    onTestFinished(() => destination.close());
    const { url } = destination;
    const { service } = withPlugins(
      { 'sinks/post.ts': POST as string },
      `interval: 100ms\nsensors: { load: {} }\nsinks:\n  post: { url: "${url}", batch: { wait: 20ms }, backoff: { initial: 50ms }, drain: { rate: 2000 } }\n`,
    );
    await until('delivered', () => destination.lines.length > 10, service);
    await destination.close();
    await until('opened the breaker', () => service.written.err.includes('the breaker opens'), service);
    let turn = 0;
    const poison: string[] = [];
    destination.answer = (lines) => {
      if (poison.length === 0 && lines[1]) poison.push(lines[1].event.id);
      if (lines.some(({ event }) => event.id === poison[0])) return 422;
      return [204, 503, undefined][turn++ % 3];
    };
    await destination.open();
    const before = destination.lines.length;
    await until('delivered again', () => poison.length > 0 && destination.lines.length > before + 100, service);
    // The worker itself is killed, as by a lack of memory.
    const worker = Number(
      readFileSync(`/proc/${service.child.pid}/task/${service.child.pid}/children`, 'utf8').trim().split(' ')[0],
    );
    process.kill(worker, 'SIGKILL');
    destination.answer = () => 204;
    const killed = destination.lines.length;
    await until('went on', () => destination.lines.length > killed + 20, service);
    service.child.kill('SIGTERM');
    expect((await service.ended).code).toBe(0);
    const stopped = logOf(service.written.err).find(({ msg }) => msg === 'stopped') as { published: number; delivered: number };
    const numbers = destination.lines.map(({ seq }) => Number(/^\w+\/0\/(\d+)$/.exec(seq ?? '')?.[1]));
    const first = numbers.filter((n, i) => numbers.indexOf(n) === i);
    expect(first).toEqual(first.toSorted((a, b) => a - b));
    expect(first).toHaveLength(stopped.published - 1);
    expect(first.at(-1)).toBe(stopped.published);
    expect(stopped.delivered).toBe(stopped.published - 1);
    expect(new Set(destination.lines.map(({ event }) => event.id))).not.toContain(poison[0]);
  },
  60_000,
);
