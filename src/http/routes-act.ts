/** What can be done to the running service. Each deed is logged once, with who did it. */
import { createRoute } from '@hono/zod-openapi';
import type { Context } from 'hono';
import * as z from 'zod';
import { withDeadline } from '../deadline.ts';
import { drainRateOptions } from '../delivery/options.ts';
import { StoreError } from '../delivery/store.ts';
import { describe } from '../errors.ts';
import type { Api, ApiParts } from './parts.ts';
import { body, closed, findDelivery, guarded, json, missing, refusal, senseless, sinkParams } from './routes.ts';
import type { ApiEnv, ServedDelivery } from './service.ts';
import { countView, doneView, levelView } from './view.ts';

/** How long a change of a spool may take, in milliseconds. */
const CHANGE_MS = 30_000;
/** Dead letters that may be named in one request. */
const NUMBERS_MAX = 100_000;

const NUMBERS_HELP = 'expected {"numbers": [1, 2]} or {"numbers": "all"}';
const which = z.strictObject(
  {
    numbers: z.union([z.literal('all'), z.array(z.int(NUMBERS_HELP).nonnegative(NUMBERS_HELP)).max(NUMBERS_MAX)], {
      error: NUMBERS_HELP,
    }),
  },
  { error: NUMBERS_HELP },
);
const ALL_HELP = 'spooled events are given up all or none: expected {"numbers": "all"}';
const all = z.strictObject({ numbers: z.literal('all', { error: ALL_HELP }) }, { error: ALL_HELP });
const rates = z.strictObject({
  rate: drainRateOptions.rate.unwrap().optional(),
  byte_rate: drainRateOptions.byte_rate.unwrap().optional(),
});

const params = sinkParams;
const post = (path: string, summary: string) => ({ method: 'post' as const, path: `/api/${path}`, summary });
const done = { 200: json(doneView, 'It is done.') };
const counted = { 200: json(countView, 'It is done, to so many events.'), ...senseless, ...guarded, ...missing, ...closed };

const SIMPLE = {
  pause: 'Sends nothing to the broker until resume; events queue and are spooled.',
  resume: 'Goes on after a pause.',
  probe: 'Tries the broker now, whatever was to be waited for.',
} as const;

const drain = createRoute({
  ...post(
    'sinks/{sink}/drain',
    'Sets how fast the spool empties, until the next reload or start; what is left out is as configured.',
  ),
  request: { params, body: body(rates) },
  responses: { ...done, ...senseless, ...guarded, ...missing },
});

const CHANGES = {
  'dead/retry': { summary: 'Sends dead letters again.', schema: which },
  'dead/discard': { summary: 'Forgets dead letters.', schema: which },
  'spool/discard': { summary: 'Gives up all that is spooled; the far end is told.', schema: all },
} as const;

const reload = createRoute({
  ...post('reload', 'Reads the configuration again and applies it, as SIGHUP does.'),
  responses: { ...done, ...guarded, 422: refusal('The configuration is wrong; the old one stays in force.') },
});

const level = createRoute({
  ...post('log', 'Sets the least severe message that is logged, until the next start.'),
  request: { body: body(levelView) },
  responses: { ...done, ...senseless, ...guarded },
});

export function addActing(app: Api, parts: ApiParts): void {
  const { agent, log } = parts.service;
  const say = (c: Context<ApiEnv>, what: string, about: object = {}): void =>
    log.info({ by: c.env.caller.from, ...about }, `an operator: ${what}`);
  for (const [what, summary] of Object.entries(SIMPLE) as [keyof typeof SIMPLE, string][]) {
    const route = createRoute({
      ...post(`sinks/{sink}/${what}`, summary),
      request: { params },
      responses: { ...done, ...guarded, ...missing },
    });
    app.openapi(route, (c) => {
      const { sink } = c.req.valid('param');
      const delivery = findDelivery(agent, sink);
      if (typeof delivery === 'string') return c.json({ error: delivery }, 404);
      say(c, what, { sink });
      delivery[what]();
      return c.json({}, 200);
    });
  }
  app.openapi(drain, (c) => {
    const { sink } = c.req.valid('param');
    const delivery = findDelivery(agent, sink);
    if (typeof delivery === 'string') return c.json({ error: delivery }, 404);
    const { rate, byte_rate } = c.req.valid('json');
    const given = { ...(rate !== undefined && { rate }), ...(byte_rate !== undefined && { byte_rate }) };
    say(c, 'drain', { sink, ...given });
    delivery.drainAt(given);
    return c.json({}, 200);
  });
  addChanges(app, parts, say);
  addService(app, parts, say);
}

type Say = (c: Context<ApiEnv>, what: string, about?: object) => void;

/** Of spools and dead letters. */
function addChanges(app: Api, { service: { agent, clock } }: ApiParts, say: Say): void {
  for (const [what, { summary, schema }] of Object.entries(CHANGES) as [
    keyof typeof CHANGES,
    (typeof CHANGES)[keyof typeof CHANGES],
  ][]) {
    const route = createRoute({
      ...post(`sinks/{sink}/${what}`, summary),
      request: { params, body: body(schema as typeof which) },
      responses: counted,
    });
    app.openapi(route, async (c) => {
      const { sink } = c.req.valid('param');
      const delivery = findDelivery(agent, sink);
      if (typeof delivery === 'string') return c.json({ error: delivery }, 404);
      const { numbers } = c.req.valid('json');
      try {
        const events = await withDeadline(clock, CHANGE_MS, what, async () => await change(delivery, what, numbers));
        say(c, what, { sink, events });
        return c.json({ events }, 200);
      } catch (error) {
        // It may have been done in part, or be done yet.
        say(c, what, { sink, failed: describe(error) });
        if (error instanceof StoreError) return c.json({ error: describe(error) }, 503);
        throw error;
      }
    });
  }
}

async function change(delivery: ServedDelivery, what: keyof typeof CHANGES, numbers: 'all' | readonly number[]): Promise<number> {
  const { operations } = delivery;
  if (what === 'spool/discard') return await operations.discardSpooled();
  const which = numbers === 'all' ? await numbersOf(delivery) : numbers;
  return await (what === 'dead/retry' ? operations.retry(which) : operations.discard(which));
}

async function numbersOf(delivery: ServedDelivery): Promise<number[]> {
  const numbers: number[] = [];
  for await (const { number } of delivery.operations.deadLetters()) numbers.push(number);
  return numbers;
}

/** Of the service as a whole. */
function addService(app: Api, { service }: ApiParts, say: Say): void {
  app.openapi(reload, async (c) => {
    say(c, 'reload');
    const mistakes = await service.reload();
    return mistakes === undefined ? c.json({}, 200) : c.json({ error: mistakes }, 422);
  });
  app.openapi(level, (c) => {
    const { level: wanted } = c.req.valid('json');
    say(c, 'log level', { least: wanted });
    service.setLevel(wanted);
    return c.json({}, 200);
  });
}
