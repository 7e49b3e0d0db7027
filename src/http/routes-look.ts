/** What can be looked at: whether it lives, how it is, what it was, its configuration, its events, the document of the API itself. */
import { createRoute } from '@hono/zod-openapi';
import { stringify } from 'yaml';
import * as z from 'zod';
import { display } from '../config/config.ts';
import { matcher } from '../options.ts';
import { alive, readiness } from './health.ts';
import type { Api, ApiParts } from './parts.ts';
import { json, refusal, text } from './routes.ts';
import { statusOf } from './status.ts';
import { configView, historyView, liveView, readyView, statusView } from './view.ts';

const PROMETHEUS = 'text/plain; version=0.0.4; charset=utf-8';
const PATTERN_LENGTH_MAX = 1024;
const RATE_MAX = 1_000_000;

const live = createRoute({
  method: 'get',
  path: '/livez',
  summary: 'Whether the service lives: its event loop turns and its scheduler ticks.',
  responses: { 200: json(liveView, 'It lives.'), 503: json(liveView, 'It is to be restarted.') },
});

const ready = createRoute({
  method: 'get',
  path: '/readyz',
  summary: 'Whether the service is ready, by http.ready, with the state of each sink.',
  responses: { 200: json(readyView, 'It is ready.'), 503: json(readyView, 'It is not.') },
});

const metrics = createRoute({
  method: 'get',
  path: '/metrics',
  summary: 'What the service measures of itself, for Prometheus.',
  responses: { 200: text(PROMETHEUS, 'Prometheus text 0.0.4.') },
});

const status = createRoute({
  method: 'get',
  path: '/api/status',
  summary: 'How everything is, and what is not well.',
  responses: { 200: json(statusView, 'How everything is.') },
});

const history = createRoute({
  method: 'get',
  path: '/api/history',
  summary: 'Rates and backlogs of the last half hour.',
  responses: { 200: json(historyView, 'What was.') },
});

const config = createRoute({
  method: 'get',
  path: '/api/config',
  summary: 'The configuration in force.',
  responses: { 200: json(configView, 'The configuration, secrets hidden.') },
});

const positive = (most: number) => z.coerce.number().positive().max(most);

const events = createRoute({
  method: 'get',
  path: '/api/events',
  summary: 'Events as they go by, as server-sent events: each event of format 1 as JSON.',
  description:
    'What a reader is too slow for, or is above its rate, is left out; an event of the type `missed` says how many: `{"events": 12}`.',
  request: {
    query: z.object({
      match: z
        .union([z.string().max(PATTERN_LENGTH_MAX), z.array(z.string().max(PATTERN_LENGTH_MAX))])
        .optional()
        .describe('Patterns of types, as in `select` of a sink; several by commas or by naming it again (default all).'),
      sensor: z
        .union([z.string(), z.array(z.string())])
        .optional()
        .describe('Instances of sensors, by name (default all).'),
      rate: positive(RATE_MAX).optional().describe('Events a second at most (default no limit).'),
      limit: positive(Number.MAX_SAFE_INTEGER).pipe(z.int()).optional().describe('Ends after so many events (default never).'),
    }),
  },
  responses: {
    200: text('text/event-stream', 'Events, until the reader goes.'),
    400: refusal('A query that makes no sense.'),
    503: refusal('There are too many readers.'),
  },
});

const listOf = (given: string | string[] | undefined): string[] => [given ?? []].flat().filter((one) => one !== '');

/** Undefined where a pattern is none. A comma within braces is a part of its pattern. */
function typesOf(given: readonly string[]): ((type: string) => boolean) | undefined {
  const patterns = given.flatMap((one) => one.split(/,(?![^{]*\})/)).filter((one) => one !== '');
  if (patterns.length === 0) return () => true;
  try {
    return matcher(patterns);
  } catch {
    return undefined;
  }
}

export function addLooking(app: Api, { service, monitor, hub }: ApiParts): void {
  const statusNow = (actions: boolean) => statusOf(service, monitor, actions);
  app.openapi(live, (c) => {
    const said = alive(service);
    return said.live ? c.json(said, 200) : c.json(said, 503);
  });
  app.openapi(ready, (c) => {
    const said = readiness(service, statusNow(false).sinks);
    return said.ready ? c.json(said, 200) : c.json(said, 503);
  });
  app.openapi(metrics, async (c) => {
    return c.text(service.metrics(), 200, { 'content-type': PROMETHEUS });
  });
  app.openapi(status, (c) => c.json(statusNow(c.env.caller.trusted || c.env.caller.token !== undefined), 200));
  app.openapi(history, (c) => c.json(monitor.history(), 200));
  app.openapi(config, (c) => {
    const now = service.config();
    const yaml = now.secrets.redact(stringify(display(now)));
    return c.json({ yaml, ...(now.files[0] !== undefined && { file: now.files[0] }) }, 200);
  });
  app.openapi(events, (c) => {
    const { match, sensor, rate, limit } = c.req.valid('query');
    const wanted = typesOf(listOf(match));
    if (!wanted) return c.json({ error: `match: ${listOf(match).join(', ')}: not a name pattern` }, 400);
    const sensors = listOf(sensor);
    const stream = hub.open({ match: wanted, ...(sensors.length > 0 && { sensors: new Set(sensors) }), rate, limit });
    if (!stream) return c.json({ error: 'there are too many readers of events; close one' }, 503);
    return c.body(stream, 200, { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-store' }) as never;
  });
  app.get('/api/openapi.json', (c) =>
    c.json(
      app.getOpenAPI31Document({
        openapi: '3.1.0',
        info: {
          title: 'tidegate',
          version: service.version,
          description: 'What a running tidegate shows, and what can be done to it.',
        },
      }),
    ),
  );
}
