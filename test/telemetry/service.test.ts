/** Telemetry of the service as a process of its own: what is loaded, what is sent at its end, what is never printed. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, test } from 'vitest';
import { eventsOf, serve, tidegate, until } from '../cli/process-support.ts';
import { temporaryFolder } from '../temporary.ts';
import { Receiver } from './receiver.ts';

const SECRET = 'very-secret-token';
const ENV_SECRET = 'secret of the environment';

const base = (work: string): string => `interval: 200ms
sensors:
  load: {}
  tidegate: {}
sinks:
  archive: { type: file, path: ${join(work, 'events.ndjson')} }
`;

/** A module that says on standard error which packages of OpenTelemetry are loaded. */
function spy(): string {
  const file = join(temporaryFolder(), 'spy.mjs');
  writeFileSync(
    file,
    `import { registerHooks } from 'node:module';
registerHooks({ load(url, context, next) {
  const name = /node_modules\\/(@opentelemetry\\/[^/]+)/.exec(url)?.[1];
  if (name) process.stderr.write('LOADED ' + name + '\\n');
  return next(url, context);
} });\n`,
  );
  return `--import=${pathToFileURL(file).href}`;
}

describe('a service without otlp', () => {
  test('loads nothing of OpenTelemetry, and its sensor says what the ledger says', async () => {
    const { service, archive } = serve(base, { env: { NODE_OPTIONS: spy() } });
    const own = () => eventsOf(archive).filter(({ type }) => type === 'tidegate.sink');
    await until('wrote its own metrics twice', () => own().length >= 9, service);
    service.child.kill('SIGTERM');
    expect((await service.ended).code).toBe(0);
    expect(service.written.err).not.toContain('LOADED');
    const published = own().flatMap(({ fields }) => fields['published']?.values ?? []) as number[];
    expect(published.length).toBeGreaterThan(1);
    expect(published).toEqual([...published].toSorted((a, b) => a - b));
    expect(published.at(-1)).toBeLessThanOrEqual(eventsOf(archive).length);
  });
});

describe('a service with otlp', () => {
  test('loads the SDK, sends what there is at its end, and the receiver knows what was delivered', async () => {
    const receiver = await new Receiver().open();
    const yaml = (work: string): string =>
      `${base(work)}otlp: { endpoint: "${receiver.url}", interval: 1h, headers: { X-Token: ${SECRET} }, traces: { ratio: 1 } }\n`;
    const { service, archive } = serve(yaml, { env: { NODE_OPTIONS: spy() } });
    await until('wrote events', () => eventsOf(archive).length > 5, service);
    service.child.kill('SIGTERM');
    expect((await service.ended).code).toBe(0);
    expect(service.written.err).toContain('LOADED @opentelemetry/sdk-metrics');
    const delivered = receiver.metrics.byName.get('tidegate.sink.delivered')?.points;
    expect(delivered).toEqual([{ attributes: { sink: 'archive' }, value: eventsOf(archive).length }]);
    expect(receiver.spans.filter(({ name }) => name === 'sample load').length).toBeGreaterThan(0);
    expect(receiver.requests.every(({ headers }) => headers['x-token'] === SECRET)).toBe(true);
  });

  test('takes endpoint and headers from the environment where it has none, and prints no secret, whatever fails', async () => {
    const receiver = await new Receiver().open();
    receiver.answer = (response) => response.writeHead(401).end(`not ${SECRET}, nor ${ENV_SECRET}`);
    const env = {
      OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
      OTEL_EXPORTER_OTLP_HEADERS: `x-env=${encodeURIComponent(ENV_SECRET)}`,
    };
    const yaml = (work: string): string =>
      `${base(work)}otlp: { interval: 1s, headers: { X-Token: ${SECRET} } }\nlog: { level: trace }\n`;
    const { service, work } = serve(yaml, { env });
    await until('said that it is refused', () => service.written.err.includes('telemetry cannot be sent'), service);
    service.child.kill('SIGTERM');
    const { code, err, out } = await service.ended;
    expect(code).toBe(0);
    expect(receiver.requests[0]?.headers).toMatchObject({ 'x-env': ENV_SECRET, 'x-token': SECRET });
    const checked = await tidegate(['check', '-c', join(work, 'tidegate.yaml')], { env });
    for (const secret of [SECRET, ENV_SECRET, encodeURIComponent(ENV_SECRET)])
      expect(err + out + checked.out + checked.err).not.toContain(secret);
  });

  test('sends elsewhere, and nowhere, from a reload on', async () => {
    const [first, second] = [await new Receiver().open(), await new Receiver().open()];
    const to = ({ url }: Receiver): string => `otlp: { endpoint: "${url}", interval: 1s, traces: { ratio: 1 } }\n`;
    const { service, work, configure } = serve((folder) => `${base(folder)}${to(first)}`);
    const reload = async (yaml: string): Promise<void> => {
      const reloads = (): number => service.written.err.split('the configuration is reloaded').length;
      const before = reloads();
      configure(yaml);
      service.child.kill('SIGHUP');
      await until('reloaded', () => reloads() > before, service);
    };
    await until('sent to the first', () => first.requests.some(({ path }) => path === '/v1/metrics'), service);
    await reload(`${base(work)}${to(second)}`);
    await until('sent metrics to the second', () => second.requests.some(({ path }) => path === '/v1/metrics'), service);
    await until('sent its last to the first', () => first.spans.length > 0, service);
    await until('sent traces to the second', () => second.spans.length > 0, service);
    // Spans wait for longer than a last request may take, so that the first has had all it will be sent.
    const last = first.requests.length;
    const metrics = (): number => second.requests.filter(({ path }) => path === '/v1/metrics').length;
    const before = metrics();
    await until('went on sending to the second', () => metrics() > before + 2, service);
    expect(first.requests).toHaveLength(last);
    await reload(base(work));
    const sent = second.requests.length;
    service.child.kill('SIGTERM');
    expect((await service.ended).code).toBe(0);
    // What was under way at the reload, and the last, for either signal.
    expect(second.requests.length).toBeLessThanOrEqual(sent + 4);
    expect(service.written.err).not.toContain('only a start applies');
    const traces = new Set(first.spans.map(({ id }) => id));
    expect(second.spans.filter(({ id }) => traces.has(id))).toEqual([]);
  });

  test('ends although the receiver never answers', async () => {
    const receiver = await new Receiver().open();
    receiver.answer = () => {};
    const yaml = (work: string): string => `${base(work)}otlp: { endpoint: "${receiver.url}", timeout: 1h, interval: 1h }\n`;
    const { service, archive } = serve(yaml);
    await until('wrote events', () => eventsOf(archive).length > 2, service);
    service.child.kill('SIGTERM');
    expect((await service.ended).code).toBe(0);
    expect(service.written.err).toContain('the last of telemetry was not sent');
  });
});
