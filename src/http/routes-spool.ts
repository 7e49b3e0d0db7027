/** What can be looked at of a spool and its dead letters. */
import { createRoute } from '@hono/zod-openapi';
import * as z from 'zod';
import type { Shelf } from '../spool/access.ts';
import { summarize } from '../spool/contents.ts';
import { findItem, listItems } from '../spool/read.ts';
import type { Api, ApiParts } from './parts.ts';
import { redacted } from './redact.ts';
import { closed, findDelivery, json, LINES, missing, senseless, sinkParams, text } from './routes.ts';
import type { ServedDelivery } from './service.ts';
import { itemView, spoolView } from './view.ts';

const params = sinkParams;
const get = (path: string, summary: string) => ({ method: 'get' as const, path: `/api/sinks/{sink}/${path}`, summary });

const spool = createRoute({
  ...get('spool', 'What the spool of a sink holds, in sums, and what its delivery shows of itself.'),
  request: { params },
  responses: { 200: json(spoolView, 'Sums.'), ...missing, ...closed },
});

const query = z.object({
  limit: z
    .string()
    .regex(/^\d{1,15}$/, 'expected a whole number')
    .optional()
    .describe('So many at most (default all).'),
  events: z.enum(['0', '1']).optional().describe('Whether events come with them (default 0).'),
});

const shelf = (path: string, summary: string) =>
  createRoute({
    ...get(path, summary),
    request: { params, query },
    responses: { 200: text(LINES, 'Each line is an Item.'), ...senseless, ...missing, ...closed },
  });

const item = createRoute({
  ...get('item', 'One event: a spooled one by its sequence, a dead letter by that or by its number.'),
  request: { params, query: z.object({ which: z.string().describe('RUN/LANE/N, or a number.') }) },
  responses: { 200: json(itemView, 'The event.'), ...senseless, ...missing, ...closed },
});

export function addSpool(app: Api, { service }: ApiParts): void {
  const { agent } = service;
  const notOpen = (delivery: ServedDelivery) =>
    redacted(
      { error: `the spool is not open: ${delivery.status().spool.reason ?? 'it is still being read'}` },
      service.config().secrets,
    );
  app.openapi(spool, async (c) => {
    const delivery = findDelivery(agent, c.req.valid('param').sink);
    if (typeof delivery === 'string') return c.json({ error: delivery }, 404);
    const { store } = delivery.operations;
    if (!store) return c.json(notOpen(delivery), 503);
    const summary = await summarize(store, delivery.operations.deadLetters());
    return c.json(
      { status: redacted({ ...delivery.status() }, service.config().secrets), summary } as unknown as z.output<typeof spoolView>,
      200,
    );
  });
  for (const [kind, route] of [
    ['spooled', shelf('spool/entries', 'What is spooled, lane by lane, one JSON object a line.')],
    ['dead', shelf('dead', 'Dead letters, the oldest first, one JSON object a line.')],
  ] as const satisfies readonly (readonly [Shelf, unknown])[]) {
    app.openapi(route, (c) => {
      const delivery = findDelivery(agent, c.req.valid('param').sink);
      if (typeof delivery === 'string') return c.json({ error: delivery }, 404);
      const { store } = delivery.operations;
      if (!store) return c.json(notOpen(delivery), 503);
      const { limit, events } = c.req.valid('query');
      const wanted = { shelf: kind, events: events === '1', ...(limit !== undefined && { limit: Number(limit) }) };
      const items = listItems({ store, dead: () => delivery.operations.deadLetters() }, wanted);
      return c.body(linesOf(items), 200, { 'content-type': LINES }) as never;
    });
  }
  app.openapi(item, async (c) => {
    const delivery = findDelivery(agent, c.req.valid('param').sink);
    if (typeof delivery === 'string') return c.json({ error: delivery }, 404);
    const { store } = delivery.operations;
    if (!store) return c.json(notOpen(delivery), 503);
    const found = await findItem({ store, dead: () => delivery.operations.deadLetters() }, c.req.valid('query').which);
    if (found) return c.json(found as z.output<typeof itemView>, 200);
    return c.json({ error: 'there is no such event in the spool, nor among the dead letters' }, 404);
  });
}

/** As fast as the reader takes them; who goes away ends the reading. */
function linesOf(items: AsyncIterable<unknown>): ReadableStream<Uint8Array> {
  const iterator = items[Symbol.asyncIterator]();
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { done, value } = await iterator.next();
        if (done) controller.close();
        else controller.enqueue(Buffer.from(`${JSON.stringify(value)}\n`));
      },
      async cancel() {
        await iterator.return?.();
      },
    },
    { highWaterMark: 0 },
  );
}
