/**
 * What can be asked of a running service, and done to it, whatever carries the question. Answers are plain data, or lines of them.
 *
 *   GET  /status                          everything, as `AgentStatus`
 *   GET  /sinks/NAME/spool                `{ status, summary }`
 *   GET  /sinks/NAME/spool/entries        lines; ?limit=N&events=1
 *   GET  /sinks/NAME/dead                 lines; ?limit=N&events=1
 *   GET  /sinks/NAME/item?which=…         a spooled event by its sequence, a dead letter by that or its number
 *   POST /sinks/NAME/dead/retry           { "numbers": [1, 2] } or { "numbers": "all" }; so does discard
 *   POST /sinks/NAME/dead/discard
 *   POST /sinks/NAME/spool/discard        { "numbers": "all" }
 *   POST /sinks/NAME/pause, resume, probe
 */
import { z } from 'zod';
import type { AgentStatus } from '../agent-status.ts';
import type { DeadLetter } from '../delivery/dead-letters.ts';
import type { Operations } from '../delivery/operations.ts';
import type { DeliveryStatus } from '../delivery/status.ts';
import type { Store } from '../delivery/store.ts';
import { nearest } from '../nearest.ts';
import type { Shelf } from '../spool/access.ts';
import { summarize } from '../spool/contents.ts';
import { findItem, listItems } from '../spool/read.ts';

/** What of a delivery is used. */
export interface Controlled {
  readonly operations: Pick<Operations, 'store' | 'deadLetters' | 'retry' | 'discard' | 'discardSpooled'>;
  status(): DeliveryStatus;
  pause(): void;
  resume(): void;
  probe(): void;
}

/** What of an agent is used. */
export interface ControlledAgent {
  status(): AgentStatus;
  delivery(sink: string): Controlled | undefined;
}

export interface ControlRequest {
  readonly method: string;
  /** Path and query, as HTTP has them. */
  readonly target: string;
  /** Parsed JSON; undefined without any. */
  readonly body: unknown;
}

export type ControlAnswer =
  | { readonly status: number; readonly body: unknown }
  | { readonly status: 200; readonly lines: AsyncIterable<unknown> };

const refuse = (status: number, error: string): ControlAnswer => ({ status, body: { error } });

const numbersBody = z.strictObject({ numbers: z.union([z.literal('all'), z.array(z.int().nonnegative()).max(100_000)]) });

export async function handleControl(agent: ControlledAgent, request: ControlRequest): Promise<ControlAnswer> {
  const url = new URL(request.target, 'http://service');
  const words = url.pathname.split('/').filter((word) => word !== '');
  let path: string[];
  try {
    path = words.map(decodeURIComponent);
  } catch {
    return refuse(400, 'the path is not encoded as a path is');
  }
  const isGet = request.method === 'GET';
  if (!isGet && request.method !== 'POST') return refuse(405, `there is no ${request.method} here: use GET or POST`);
  if (path.length === 1 && path[0] === 'status' && isGet) return { status: 200, body: agent.status() };
  const [sinks, name = '', ...what] = path;
  if (sinks !== 'sinks' || what.length === 0) return refuse(404, `there is no ${request.method} ${url.pathname}`);
  const delivery = agent.delivery(name);
  if (!delivery) return refuse(404, noSpool(agent, name));
  const asked = what.join('/');
  return isGet ? await look(delivery, asked, url.searchParams) : await act(delivery, asked, request.body);
}

function noSpool(agent: ControlledAgent, name: string): string {
  const names = agent.status().sinks.map((sink) => sink.name);
  if (names.includes(name)) return `the sink ${name} writes by itself and has no spool: only those to brokers have one`;
  const near = nearest(name, names);
  return `there is no sink ${JSON.stringify(name)} here; ${near ? `did you mean ${near}?` : `there is: ${names.join(', ')}`}`;
}

async function look(delivery: Controlled, what: string, query: URLSearchParams): Promise<ControlAnswer> {
  const { operations } = delivery;
  const { store } = operations;
  if (!store) return refuse(503, `the spool is not open: ${delivery.status().spool.reason ?? 'it is still being read'}`);
  const dead = (): AsyncIterable<DeadLetter> => delivery.operations.deadLetters();
  switch (what) {
    case 'spool':
      return { status: 200, body: { status: delivery.status(), summary: await summarize(store, dead()) } };
    case 'spool/entries':
      return lines('spooled');
    case 'dead':
      return lines('dead');
    case 'item': {
      const item = await findItem({ store, dead }, query.get('which') ?? '');
      return item ? { status: 200, body: item } : refuse(404, 'there is no such event in the spool, nor among the dead letters');
    }
    default:
      return refuse(404, `there is no GET of ${what} of a sink`);
  }

  function lines(shelf: Shelf): ControlAnswer {
    const limit = query.get('limit');
    if (limit !== null && !/^\d{1,15}$/.test(limit)) return refuse(400, `limit=${limit}: expected a whole number`);
    const events = query.get('events') === '1';
    const asked = { shelf, events, ...(limit !== null && { limit: Number(limit) }) };
    return { status: 200, lines: listItems({ store: store as Store, dead }, asked) };
  }
}

async function act(delivery: Controlled, what: string, body: unknown): Promise<ControlAnswer> {
  switch (what) {
    case 'pause':
      delivery.pause();
      return { status: 200, body: {} };
    case 'resume':
      delivery.resume();
      return { status: 200, body: {} };
    case 'probe':
      delivery.probe();
      return { status: 200, body: {} };
    case 'dead/retry':
    case 'dead/discard':
    case 'spool/discard': {
      const parsed = numbersBody.safeParse(body);
      if (!parsed.success) return refuse(400, 'expected {"numbers": [1, 2]} or {"numbers": "all"}');
      const { numbers } = parsed.data;
      const { operations } = delivery;
      if (what === 'spool/discard') {
        if (numbers !== 'all') return refuse(400, 'spooled events are given up all or none: expected {"numbers": "all"}');
        return { status: 200, body: { events: await operations.discardSpooled() } };
      }
      const which = numbers === 'all' ? await numbersOf(delivery) : numbers;
      return {
        status: 200,
        body: { events: await (what === 'dead/retry' ? operations.retry(which) : operations.discard(which)) },
      };
    }
    default:
      return refuse(404, `there is no POST to ${what} of a sink`);
  }
}

async function numbersOf(delivery: Controlled): Promise<number[]> {
  const numbers: number[] = [];
  for await (const { number } of delivery.operations.deadLetters()) numbers.push(number);
  return numbers;
}
