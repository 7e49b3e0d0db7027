/** Where a target is: an HTTP URL, or a path on a unix socket. */
import { withoutAddressSecrets } from '../address-secrets.ts';
import { holdSecret } from '../held-secrets.ts';

export interface Address {
  /** As it is written in events and logs; without a password or a token in its query. */
  readonly shown: string;
  readonly origin: string;
  /** With the query. */
  readonly path: string;
  /** `host:port`, as the label `instance` has it. */
  readonly instance: string;
  readonly socketPath: string | undefined;
  /** What a user and password in the URL say. */
  readonly authorization: string | undefined;
}

const PORTS: Readonly<Record<string, string>> = { 'http:': '80', 'https:': '443' };

/**
 * `http://host:9100/metrics`, `https://…`, `host:9100` (with `defaults`), or `unix:/run/node.sock:/metrics`. Throws what is wrong with it.
 */
export function addressOf(target: string, defaults: { scheme: string; path: string }): Address {
  const unix = /^unix:(?:\/\/)?(\/[^:]*)(?::(\/.*))?$/.exec(target);
  if (unix) {
    const [, socketPath = '', path = defaults.path] = unix;
    return { shown: target, origin: 'http://localhost', path, instance: socketPath, socketPath, authorization: undefined };
  }
  const written = /^https?:\/\//i.test(target) ? target : `${defaults.scheme}://${target}`;
  const url = URL.canParse(written) ? new URL(written) : undefined;
  if (url === undefined || url.hostname === '') {
    throw new Error(
      `${JSON.stringify(target)} is no target; write it as http://host:9100/metrics, host:9100 or unix:/run/node.sock:/metrics`,
    );
  }
  // A URL that names no path means the default one; `http://host/` means the root.
  if (url.pathname === '/' && !/^https?:\/\/[^/?]*\//i.test(written)) url.pathname = defaults.path;
  const { username, password } = url;
  const authorization =
    username === ''
      ? undefined
      : `Basic ${holdSecret(Buffer.from(`${decodeURIComponent(username)}:${holdSecret(decodeURIComponent(password))}`).toString('base64'))}`;
  url.username = '';
  url.password = '';
  url.hash = '';
  return {
    shown: withoutAddressSecrets(url.href),
    origin: url.origin,
    path: url.pathname + url.search,
    instance: `${url.hostname}:${url.port || PORTS[url.protocol]}`,
    socketPath: undefined,
    authorization,
  };
}
