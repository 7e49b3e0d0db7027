/** A server that answers as a recorded or described one did: `fixtures/json/<case>`, with the requests of its preset. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { presetMapping } from '../../src/json/options.ts';
import { bodyOf, httpServer, json } from '../http-client/servers.ts';
import { REPOSITORY } from '../support.ts';

export const FOLDER = join(REPOSITORY, 'fixtures', 'json');

export interface About {
  readonly preset: string;
  /** Where the answers are from: recorded of what, or by hand after what. */
  readonly origin: string;
  /** When they were, in Unix milliseconds. */
  readonly time: number;
  /** Statuses other than 200, by request. */
  readonly statuses?: Readonly<Record<string, number>>;
}

const read = (...path: string[]): unknown => JSON.parse(readFileSync(join(FOLDER, ...path), 'utf8'));

export const aboutCase = (name: string): About => read(name, 'about.json') as About;

/** The server's URL, and the paths and methods that it was asked for. */
export async function presetServer(name: string): Promise<{ url: string; asked: string[] }> {
  const about = aboutCase(name);
  const requests = Object.entries(presetMapping(about.preset).requests);
  const asked: string[] = [];
  const answerOf = (request: string): unknown => read(name, 'answers', `${request}.json`);
  const call = ({ method, id }: { method: string; id: number }): object => {
    asked.push(method);
    const found = requests.find(([, { rpc }]) => rpc === method);
    return found
      ? { ...(answerOf(found[0]) as object), id }
      : { jsonrpc: '2.0', id, error: { code: -32601, message: 'Method not found' } };
  };
  const url = await httpServer(async (request, response) => {
    if (request.method === 'POST') {
      const body = JSON.parse(await bodyOf(request)) as Parameters<typeof call>[0] | Parameters<typeof call>[0][];
      json(response, Array.isArray(body) ? body.map(call).toReversed() : call(body));
      return;
    }
    asked.push(request.url ?? '');
    const found = requests.find(([, { path }]) => path === request.url);
    if (found) json(response, answerOf(found[0]), about.statuses?.[found[0]] ?? 200);
    else json(response, {}, 404);
  });
  return { url, asked };
}
