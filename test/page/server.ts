/** A server that answers as a service would, by script: what it says is set from outside, and what it was sent is kept. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { Assets } from '../../src/http/assets.ts';
import { configView, historyView, statusView } from '../../src/http/view.ts';
import { DEAD_LETTERS, eventsOf, historyOf, YAML } from './answers.ts';
import { STATES, type StateName } from './states.ts';

export const TOKEN = 'a-token-for-tests-only';
const POLICY =
  "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";
interface Sent {
  readonly path: string;
  readonly token: string | undefined;
  readonly body: unknown;
}

export class ScriptedService {
  state: StateName = 'well';
  /** Whether connections are cut without an answer. */
  gone = false;
  /** Whether reading needs the token, as from another machine. */
  locked = false;
  /** What an action is refused with, if it is. */
  refusal: string | undefined;
  /** Actions, in their order. */
  readonly sent: Sent[] = [];
  /** Paths and queries of everything that was asked for. */
  readonly asked: string[] = [];
  readonly #server: Server;
  readonly #assets = new Assets();
  readonly #streams = new Map<ServerResponse, string>();
  #pushed = 0;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start(): Promise<ScriptedService> {
    const server = createServer();
    const service = new ScriptedService(server);
    server.on('request', (request, response) => void service.#answer(request, response));
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    return service;
  }

  get address(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** How many read events now, and by which patterns. */
  get readers(): string[] {
    return [...this.#streams.values()];
  }

  /** Sends one round of events to all who read. */
  push(rounds = 1): void {
    for (let i = 0; i < rounds; i++) {
      for (const event of eventsOf(++this.#pushed) as { id: string; type: string }[]) {
        for (const [stream, match] of this.#streams) {
          if (!event.type.startsWith(match.replace('*', ''))) continue;
          stream.write(`id: ${event.id}\nevent: event\ndata: ${JSON.stringify(event)}\n\n`);
        }
      }
    }
  }

  miss(events: number): void {
    for (const stream of this.#streams.keys()) stream.write(`event: missed\ndata: {"events":${events}}\n\n`);
  }

  /** Cuts every connection, and answers none until `gone` is false. */
  leave(): void {
    this.gone = true;
    this.#server.closeAllConnections();
  }

  /** As it was at first, with the streams that are open. */
  reset(): void {
    Object.assign(this, { state: 'well', gone: false, locked: false, refusal: undefined });
    this.sent.length = 0;
    this.asked.length = 0;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((done) => this.#server.close(done));
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (this.gone) return void request.socket.destroy();
    const url = new URL(request.url ?? '/', this.address);
    this.asked.push(`${url.pathname}${url.search}`);
    response.setHeader('content-security-policy', POLICY);
    response.setHeader('cache-control', 'no-store');
    if (request.method === 'POST') return await this.#act(url.pathname, request, response);
    if (url.pathname.startsWith('/api/')) return this.#tell(url, request, response);
    const asset = await this.#assets.answer(url.pathname, new Request(url));
    if (!asset) return void response.writeHead(404).end();
    response.setHeader('content-type', asset.headers.get('content-type') ?? '');
    response.end(Buffer.from(await asset.arrayBuffer()));
  }

  #tell(url: URL, request: IncomingMessage, response: ServerResponse): void {
    const json = (body: unknown, status = 200): void =>
      void response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    if (this.locked && request.headers.authorization !== `Bearer ${TOKEN}`) return json({ error: 'this needs the token' }, 401);
    switch (url.pathname) {
      case '/api/status':
        // Its clock stands still, so that what is so long ago is so long ago at the end of a run, too.
        return json(statusView.parse(STATES[this.state]));
      case '/api/history':
        return json(historyView.parse(historyOf(this.state)));
      case '/api/config':
        return json(configView.parse({ yaml: YAML, file: '/etc/tidegate/tidegate.yaml' }));
      case '/api/events': {
        const match = url.searchParams.get('match') ?? '';
        if (match.includes('[')) return json({ error: `match: ${match} is no pattern` }, 400);
        response.writeHead(200, { 'content-type': 'text/event-stream' }).write('retry: 3000\n\n');
        this.#streams.set(response, match);
        return void response.on('close', () => this.#streams.delete(response));
      }
      case '/api/sinks/broker/dead':
        return void response.end(DEAD_LETTERS.map((letter) => `${JSON.stringify(letter)}\n`).join(''));
      default:
        return json({ error: `there is no GET ${url.pathname}` }, 404);
    }
  }

  async #act(path: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body: unknown = JSON.parse(await text(request));
    const token = request.headers.authorization?.replace('Bearer ', '');
    this.sent.push({ path, token, body });
    const answer = (status: number, said: unknown): void =>
      void response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(said));
    if (token !== TOKEN) return answer(401, { error: 'this needs the token of http.token' });
    if (this.refusal !== undefined) return answer(409, { error: this.refusal });
    answer(200, /\/(dead|spool)\//.test(path) ? { events: 3 } : {});
  }
}
