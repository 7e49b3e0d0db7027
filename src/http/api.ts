/**
 * The API, whatever carries it: the addresses of `http.listen`, or the service's own socket. One for a process; what it remembers begins
 * when it is made.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { getRequestListener } from '@hono/node-server';
import { OpenAPIHono } from '@hono/zod-openapi';
import type { MiddlewareHandler } from 'hono';
import { HTTPException } from 'hono/http-exception';
import { describe } from '../errors.ts';
import { Assets } from './assets.ts';
import { EventHub } from './events.ts';
import { guard, headers } from './guard.ts';
import type { Monitor } from './monitor.ts';
import type { Api, ApiParts } from './parts.ts';
import { addActing } from './routes-act.ts';
import { addLooking } from './routes-look.ts';
import { addSpool } from './routes-spool.ts';
import type { ApiEnv, Caller, Service } from './service.ts';

/** Of a request, in bytes. */
const BODY_BYTES_MAX = 2 ** 20;

export interface RunningApi {
  handle(incoming: IncomingMessage, outgoing: ServerResponse, caller: Caller): void;
  /** Ends every stream. */
  close(): void;
}

/** `pageFolder` has the files of the page; the installed ones by default. */
export function openApi(service: Service, monitor: Monitor, pageFolder?: string): RunningApi {
  const hub = new EventHub((take) => service.agent.subscribe(take), service.clock);
  const app = createApp({ service, monitor, hub }, new Assets(pageFolder));
  const callers = new WeakMap<IncomingMessage, Caller>();
  const answer = getRequestListener(
    (request, env) => {
      const { incoming } = env as { incoming: IncomingMessage };
      return app.fetch(request, { caller: callers.get(incoming) as Caller });
    },
    { overrideGlobalObjects: false },
  );
  return {
    handle(incoming, outgoing, caller) {
      callers.set(incoming, caller);
      answer(incoming, outgoing).catch(() => outgoing.destroy());
    },
    close: () => hub.close(),
  };
}

/** What the library's own refusals mean. */
const SAID: Readonly<Record<number, string>> = {
  400: 'the body is not JSON',
  415: 'the body must be JSON, and say so: content-type: application/json',
};

/** What a body has must be said before it: then nothing needs to be counted, and node's parser takes no more. */
const bounded: MiddlewareHandler<ApiEnv> = async (c, next) => {
  if (c.req.header('transfer-encoding') !== undefined) return c.json({ error: 'say how long the body is: content-length' }, 411);
  if (Number(c.req.header('content-length') ?? 0) <= BODY_BYTES_MAX) return await next();
  // Nobody waits for the rest of it.
  c.header('connection', 'close');
  return c.json({ error: `the body has more than ${BODY_BYTES_MAX} bytes` }, 413);
};

function createApp(parts: ApiParts, assets: Assets): Api {
  const { service } = parts;
  const app: Api = new OpenAPIHono<ApiEnv>({
    defaultHook: (result, c) => {
      if (result.success) return undefined;
      const wrong = result.error.issues.map(({ path, message }) => (path.length > 0 ? `${path.join('.')}: ${message}` : message));
      return c.json({ error: wrong.join('; ') }, 400);
    },
  });
  app.use(headers());
  app.use(guard());
  app.use(bounded);
  addLooking(app, parts);
  addSpool(app, parts);
  addActing(app, parts);
  app.get('*', async (c, next) => (await assets.answer(c.req.path, c.req.raw)) ?? (await next()));
  app.notFound((c) => {
    if (!['GET', 'HEAD', 'POST'].includes(c.req.method))
      return c.json({ error: `there is no ${c.req.method} here: use GET or POST` }, 405);
    return c.json({ error: `there is no ${c.req.method} ${c.req.path}` }, 404);
  });
  app.onError((error, c) => {
    if (error instanceof HTTPException) return c.json({ error: SAID[error.status] ?? error.message }, error.status);
    const reason = service.config().secrets.redact(describe(error));
    service.log.error({ path: c.req.path, reason }, 'a request failed');
    return c.json({ error: reason }, 500);
  });
  return app;
}
