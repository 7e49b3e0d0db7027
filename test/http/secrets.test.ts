/** No secret of the configuration is in any answer, whatever the parts of the service say. */
import { describe, expect, it, onTestFinished } from 'vitest';
import { parse } from 'yaml';
import type { ConfigView } from '../../src/http/view.ts';
import { Web } from '../../src/http/web.ts';
import { noStats } from '../../src/job-stats.ts';
import { agentOf, brokerStatus, configOf, sensorStatus, serviceOf, WELL } from './service.ts';

const [TOKEN, PASSWORD, BEARER, HEADER] = ['canary-token-0123456789', 'canary-password', 'canary-bearer', 'canary-header'];
const YAML = `
sensors:
  load: {}
  node:
    type: prometheus
    targets: ["http://127.0.0.1:9/metrics"]
    bearer_token: ${BEARER}
    headers: { X-Token: ${HEADER} }
sinks:
  broker: { type: kafka, brokers: ["127.0.0.1:9092"], sasl: { username: me, password: ${PASSWORD} } }
  file: { path: events.ndjson }
http: { listen: "127.0.0.1:0", token: ${TOKEN} }
`;

describe('secrets', () => {
  it('are in no answer, and not in the log', async () => {
    const { agent } = agentOf();
    const quoting = `the broker refuses ${PASSWORD} and ${TOKEN}`;
    agent.broker = brokerStatus({
      failures: 9,
      reason: quoting,
      failingSince: 1,
      health: { ...WELL, breaker: 'open', failures: 9, failingSince: 1, wellSince: undefined, reason: quoting, nextProbe: 1 },
    });
    const stats = { ...noStats(), failures: 9, failuresInARow: 9, lastError: `401 for ${BEARER}` };
    const targets = {
      total: 1,
      failing: 1,
      failingSince: 1,
      overruns: 0,
      problems: [{ name: 'a', problem: `refuses ${HEADER}` }],
    };
    agent.sensors = [sensorStatus('load', { stats }), sensorStatus('node', { targets })];
    const config = await configOf('', YAML);
    const { service, log } = serviceOf(config, agent);
    const web = new Web(service);
    onTestFinished(async () => await web.close());
    await web.configure(config.http);
    const headers = { authorization: `Bearer ${TOKEN}` };
    const texts: string[] = [];
    for (const path of [
      '/livez',
      '/readyz',
      '/metrics',
      '/api/status',
      '/api/history',
      '/api/config',
      '/api/openapi.json',
      '/nothing',
    ])
      texts.push(await (await fetch(`${web.urls[0]}${path}`, { headers })).text());
    for (const path of ['pause', 'nothing', 'spool']) {
      const response = await fetch(`${web.urls[0]}/api/sinks/broker/${path}`, { method: 'POST', headers });
      texts.push(await response.text());
    }
    texts.push(await (await fetch(`${web.urls[0]}/api/sinks/broker/spool`)).text());
    expect(texts.join('\n')).toContain('the broker refuses ***');
    for (const canary of [TOKEN, PASSWORD, BEARER, HEADER]) {
      expect(texts.filter((text) => text.includes(canary))).toEqual([]);
      expect(JSON.stringify(log.info.mock.calls)).not.toContain(canary);
    }
  });

  it('leave the configuration readable', async () => {
    const { agent } = agentOf();
    const config = await configOf('', YAML);
    const web = new Web(serviceOf(config, agent).service);
    onTestFinished(async () => await web.close());
    await web.configure(config.http);
    const { yaml, file } = (await (await fetch(`${web.urls[0]}/api/config`)).json()) as ConfigView;
    expect(file).toBe(config.files[0]);
    expect(parse(yaml)).toMatchObject({
      http: { token: '***' },
      sinks: { broker: { sasl: { username: 'me', password: '***' } } },
    });
  });
});
