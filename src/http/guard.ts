/**
 * Who may ask for what.
 *
 *   the service's own socket       everything
 *   loopback, reading              anybody on this machine, by a name of this machine
 *   elsewhere, reading             with the token, where one is configured; but /livez, /readyz and the page's own files, which hold nothing
 *   changing                       with the token; never from another site's page
 *
 * A page of another site may send a browser here: by a name of its own that it lets point to this machine (DNS rebinding), which `Host`
 * gives away, or across sites, which `Origin` and `Sec-Fetch-Site` do.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { Context, MiddlewareHandler } from 'hono';
import { secureHeaders } from 'hono/secure-headers';
import { isLoopback } from './options.ts';
import type { ApiEnv, Caller } from './service.ts';

/** What needs no token anywhere. */
const OPEN = /^\/(livez|readyz|assets\/.*)?$/;
/** Half a year. */
const HSTS = 'max-age=15552000';

/** Headers of every answer: nothing of other sites in the page, the page in none of theirs. */
export const headers = (): MiddlewareHandler<ApiEnv> => {
  const self = ["'self'"];
  const none = ["'none'"];
  const options = {
    contentSecurityPolicy: {
      defaultSrc: self,
      scriptSrc: self,
      styleSrc: self,
      imgSrc: [...self, 'data:'],
      connectSrc: self,
      objectSrc: none,
      baseUri: none,
      formAction: self,
      frameAncestors: none,
    },
    crossOriginResourcePolicy: 'same-origin',
    referrerPolicy: 'no-referrer',
    xFrameOptions: 'DENY',
  };
  const plain = secureHeaders({ ...options, strictTransportSecurity: false });
  const secure = secureHeaders({ ...options, strictTransportSecurity: HSTS });
  return async (c, next) => await (c.env.caller.secure ? secure : plain)(c, next);
};

export const guard = (): MiddlewareHandler<ApiEnv> => async (c, next) => {
  const { caller } = c.env;
  if (caller.trusted) return await next();
  const refused = refusalOf(c, caller);
  if (!refused) return await next();
  if (refused.status === 401) c.header('WWW-Authenticate', 'Bearer realm="tidegate"');
  return c.json({ error: refused.error }, refused.status);
};

interface Refusal {
  readonly status: 401 | 403 | 421;
  readonly error: string;
}

function refusalOf(c: Context<ApiEnv>, caller: Caller): Refusal | undefined {
  const host = c.req.header('host') ?? '';
  const writes = c.req.method !== 'GET' && c.req.method !== 'HEAD';
  if (caller.loopback && !isLoopback({ host: nameOf(host) }))
    return { status: 421, error: `this is no service of ${host}: ask for 127.0.0.1 or localhost` };
  if (writes && isCrossSite(c, host, caller)) return { status: 403, error: 'a page of another site changes nothing here' };
  if (writes && caller.token === undefined)
    return { status: 403, error: 'nothing can be changed without a token: set http.token in the configuration' };
  const needed = writes || (!caller.loopback && caller.token !== undefined && !OPEN.test(c.req.path));
  if (!needed || presents(c.req.header('authorization'), caller.token ?? '')) return undefined;
  return { status: 401, error: 'this needs the token of http.token, as "Authorization: Bearer TOKEN"' };
}

/** The name in a `Host` header. */
const nameOf = (host: string): string => host.replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1');

function isCrossSite(c: Context<ApiEnv>, host: string, { secure }: Caller): boolean {
  const site = c.req.header('sec-fetch-site');
  const origin = c.req.header('origin');
  if (site !== undefined && site !== 'same-origin' && site !== 'none') return true;
  return origin !== undefined && origin.toLowerCase() !== `${secure ? 'https' : 'http'}://${host}`.toLowerCase();
}

/** In a time that tells nothing of the token, its length included. */
function presents(header: string | undefined, token: string): boolean {
  const [, given] = /^Bearer +(.+)$/i.exec(header ?? '') ?? [];
  return given !== undefined && timingSafeEqual(digest(given), digest(token));
}

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
