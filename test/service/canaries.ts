/**
 * A configuration with a canary in every secret that the schemas have, each where it gets into trouble: a server that repeats it, a
 * broker that is away, that hangs up or that refuses it, a key that it does not open. Its variables are canaries, too.
 */
import { generateKeyPairSync } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { join } from 'node:path';
import { allLeaves } from '../config/option-leaves.ts';
import { deadPort, httpServer, tcpServer } from '../http-client/servers.ts';
import { writeFiles } from '../support.ts';

/** Answers whatever it is asked with all that it was sent, as a server does that wants to be helpful. */
function echo(request: IncomingMessage, response: ServerResponse, taken: Buffer[]): void {
  request.on('data', (chunk: Buffer) => taken.push(chunk));
  const { authorization = '' } = request.headers;
  const credentials = authorization.replace(/^\w+ /, '');
  const opened = Buffer.from(credentials, 'base64').toString();
  const headers = Object.values(request.headers)
    .join(' ')
    .replaceAll(/[\r\n]/g, ' ');
  const said = `you said ${credentials} ${opened} ${headers} ${request.url}`;
  const asked = new URL(request.url ?? '/', 'http://localhost').pathname;
  if (asked === '/status') response.writeHead(401, said.slice(0, 500).replaceAll(/[^ -~]/g, ''));
  if (asked === '/redirect') response.writeHead(302, { location: `http://127.0.0.1:1/${encodeURIComponent(said)}` });
  if (asked === '/type') response.writeHead(200, { 'content-type': said.slice(0, 500).replaceAll(/[^ -~]/g, '') });
  if (asked === '/number') response.writeHead(200, { 'content-type': 'application/json' });
  if (asked === '/metrics') response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4' });
  response.end(asked === '/number' ? JSON.stringify({ number: said, error: { code: 1, message: said } }) : said);
}

export interface Planted {
  readonly yaml: string;
  readonly env: Record<string, string>;
  /** Every text that nobody may see, by where it was planted. */
  readonly canaries: ReadonlyMap<string, string>;
  /** The files that hold some of them, which are where they belong. */
  readonly files: readonly string[];
  /** The bodies of what was sent over OTLP. */
  readonly exported: readonly Buffer[];
}

/** Plants them; `brokers` are real ones, which refuse the password. */
export async function plant(work: string, brokers: { kafka: string; rabbitmq: string }): Promise<Planted> {
  const canaries = new Map<string, string>();
  const env: Record<string, string> = {};
  const files: string[] = [];
  const exported: Buffer[] = [];
  const canary = (where: string): string => {
    const text = `canary${canaries.size}of${where.replaceAll(/[^a-z]/gi, '')}`;
    canaries.set(where, text);
    return text;
  };
  /** Written there, from a variable, from a file that is substituted, from a file that is read when needed. */
  const variable = (where: string): string => {
    const name = `CANARY_${canaries.size}`;
    env[name] = canary(`${where}, a variable`);
    return `\${${name}}`;
  };
  const file = (where: string): string => {
    const path = join(work, `secret-${canaries.size}`);
    writeFiles(work, { [`secret-${canaries.size}`]: `${canary(`${where}, a file`)}\n` });
    files.push(path);
    return path;
  };
  const { privateKey } = generateKeyPairSync('ec', {
    namedCurve: 'P-256',
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'another one' },
  });
  writeFiles(work, { 'client.key': privateKey, 'client.pem': 'no certificate' });
  const [cert, key] = [join(work, 'client.pem'), join(work, 'client.key')];
  const server = await httpServer((request, response) => echo(request, response, request.url?.includes('/v1/') ? exported : []));
  const away = await deadPort();
  const hangsUp = await tcpServer((socket) => socket.on('data', (data) => socket.end(data)));
  const refusesRabbit = new URL(brokers.rabbitmq).host;

  const json = (path: string, options: object) => ({
    type: 'json',
    url: `${server}${path}`,
    tables: { 'app.echo': { fields: { number: '/number' } } },
    ...options,
  });
  const scrape = (path: string, options: object) => ({ type: 'prometheus', targets: [`${server}${path}`], ...options });
  const sensors: Record<string, object> = { load: {}, tidegate: {} };
  for (const path of ['/text', '/status', '/redirect', '/number']) {
    const at = `json ${path}`;
    sensors[`header${path.slice(1)}`] = json(path, {
      headers: { 'X-Token': canary(`${at} headers.*`), 'X-File': { file: file(at) } },
    });
    sensors[`bearer${path.slice(1)}`] = json(path, { bearer: canary(`${at} bearer`) });
    sensors[`basic${path.slice(1)}`] = json(path, { basic: { username: 'me', password: canary(`${at} basic.password`) } });
    sensors[`files${path.slice(1)}`] = json(path, { bearer: { file: file(`${at} bearer`) } });
    sensors[`variable${path.slice(1)}`] = json(path, { bearer: variable(`${at} bearer`) });
    sensors[`rpc${path.slice(1)}`] = json(`${path}?token=${canary(`${at} url`)}`, {
      requests: { a: { rpc: 'status' } },
      tables: { 'app.rpc': { fields: { number: '/a/number' } } },
      bearer: canary(`${at} rpc`),
    });
  }
  for (const path of ['/metrics', '/status', '/redirect', '/type']) {
    const at = `prometheus ${path}`;
    const name = path.slice(1);
    sensors[`scrapeheader${name}`] = scrape(path, { headers: { 'X-Token': canary(`${at} headers.*`) } });
    sensors[`scrapebearer${name}`] = scrape(path, { bearer_token: canary(`${at} bearer_token`) });
    sensors[`scrapebasic${name}`] = scrape(path, {
      basic_auth: { username: 'me', password: canary(`${at} basic_auth.password`) },
    });
    sensors[`scrapefiles${name}`] = scrape(path, {
      bearer_token_file: file(`${at} bearer_token`),
      header_files: { 'X-File': file(`${at} headers`) },
    });
    sensors[`scrapevariable${name}`] = scrape(path, { bearer_token: variable(`${at} bearer`) });
    sensors[`scrapeurl${name}`] = scrape(`${path}?token=${canary(`${at} query`)}`, {});
    sensors[`scrapeuser${name}`] = {
      type: 'prometheus',
      targets: [`${server.replace('//', `//me:${canary(`${at} user`)}@`)}${path}`],
    };
  }
  const target = (path: string, more: object) => ({ http: `${server}${path}`, body: 'never said', ...more });
  sensors['node'] = {
    targets: {
      text: target('/text', { headers: { 'X-Token': canary('node targets.*.headers.*') } }),
      status: target('/status', { headers: { Authorization: variable('node headers') } }),
      redirect: target('/redirect', { headers: { Authorization: { file: file('node headers') } } }),
    },
  };
  sensors['command'] = {
    shell: true,
    command: 'echo "no access with $PASSWORD" >&2; exit 1',
    variables: { PASSWORD: canary('command variables.*') },
  };
  sensors['argument'] = { type: 'command', command: ['ls', variable('an argument of a command')] };
  const sasl = { mechanism: 'plain', username: variable('kafka sasl.username') };
  const kafka = (address: string | number, password: object, tls?: object) => ({
    type: 'kafka',
    brokers: [typeof address === 'number' ? `127.0.0.1:${address}` : address],
    topic: `t-${canaries.size}`,
    sasl: { ...sasl, ...password },
    ...(tls && { tls }),
    shutdown_timeout: '100ms',
  });
  const rabbitmq = (address: string | number, password: object, tls?: object) => ({
    type: 'rabbitmq',
    hosts: [typeof address === 'number' ? `127.0.0.1:${address}` : address],
    user: variable('rabbitmq user'),
    ...password,
    queue_name: `q-${canaries.size}`,
    ...(tls && { tls }),
    shutdown_timeout: '100ms',
  });
  const sinks: Record<string, object> = { archive: { type: 'file', path: join(work, 'events.ndjson') } };
  for (const [how, kafkaAt, rabbitAt] of [
    ['away', away, away],
    ['hanging up', hangsUp, hangsUp],
    ['refusing', brokers.kafka, refusesRabbit],
  ] as const) {
    const name = how.replace(' ', '-');
    sinks[`kafka-${name}`] = kafka(kafkaAt, { password: canary(`kafka ${how} sasl.password`) });
    sinks[`kafka-file-${name}`] = kafka(kafkaAt, { password_file: file(`kafka ${how}`) });
    sinks[`rabbit-${name}`] = rabbitmq(rabbitAt, { password: canary(`rabbitmq ${how} password`) });
    sinks[`rabbit-file-${name}`] = rabbitmq(rabbitAt, { password_file: file(`rabbitmq ${how}`) });
  }
  const tls = (where: string): object => ({ cert, key, key_password: canary(`${where} tls.key_password`) });
  sinks['kafka-tls'] = kafka(hangsUp, { password: canary('kafka tls sasl.password') }, tls('kafka'));
  sinks['rabbit-tls'] = rabbitmq(hangsUp, { password: canary('rabbitmq tls password') }, tls('rabbitmq'));
  const otlp = {
    endpoint: `${server}/status`,
    interval: '1s',
    timeout: '500ms',
    headers: { 'X-Token': canary('otlp.headers.*'), 'X-File': { file: file('otlp.headers') } },
    traces: { ratio: 1 },
  };
  env['OTEL_EXPORTER_OTLP_HEADERS'] = `x-env=${canary('OTEL_EXPORTER_OTLP_HEADERS')}`;
  for (const name of ['AWS_SECRET_ACCESS_KEY', 'DATABASE_URL', 'HTTP_PROXY_PASSWORD', 'TIDEGATE_TOKEN', 'npm_config__authToken'])
    env[name] = canary(name);
  const token = canary('http.token');
  const http = { listen: '127.0.0.1:0', token };
  const all = { interval: '1s', timeout: '1s', log: { level: 'debug', format: 'json' }, sensors, sinks, otlp, http };
  return { yaml: JSON.stringify(all), env, canaries, files, exported };
}

/** Places of secrets in the schemas in which nothing is planted, as `sensors.json.bearer`. */
export async function unplanted(canaries: Planted['canaries']): Promise<string[]> {
  const planted = [...canaries.keys()];
  const missing: string[] = [];
  for (const [component, leaves] of await allLeaves())
    for (const { path, secret } of leaves) {
      const [name, option] = [component.split('.')[1] ?? '', path.join('.')];
      if (secret && !planted.some((where) => where.startsWith(name) && where.endsWith(option)))
        missing.push(`${component}.${option}`);
    }
  return missing;
}
