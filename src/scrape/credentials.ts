/** Who we say we are: headers and TLS options of requests, from the configuration and from files that may change. */
import { holdSecret } from '../held-secrets.ts';
import { WatchedFile } from './files.ts';
import type { AuthOptions, TlsOptions } from './options.ts';

/** Headers that a request has because of the configuration. */
export class Credentials {
  readonly #options: AuthOptions;
  readonly #password: WatchedFile | undefined;
  readonly #bearer: WatchedFile | undefined;
  readonly #files: readonly (readonly [string, WatchedFile])[];

  constructor(options: AuthOptions) {
    this.#options = options;
    const { basic_auth: basic, bearer_token_file: bearer } = options;
    this.#password = basic?.password_file === undefined ? undefined : new WatchedFile(basic.password_file, 'the password file');
    this.#bearer = bearer === undefined ? undefined : new WatchedFile(bearer, 'the file of the bearer token');
    this.#files = Object.entries(options.header_files).map(([name, path]) => [
      name,
      new WatchedFile(path, `the file of the header ${name}`),
    ]);
  }

  /** The headers now. Throws when a file cannot be read. */
  headers(): Record<string, string> {
    const { basic_auth: basic, bearer_token: bearer, headers } = this.#options;
    const all: Record<string, string> = { ...headers };
    for (const [name, file] of this.#files) all[name] = holdSecret(file.read().trim());
    if (basic) {
      const password = holdSecret(this.#password?.read().replace(/\r?\n$/, '') ?? basic.password ?? '');
      all['authorization'] = `Basic ${holdSecret(Buffer.from(`${basic.username}:${password}`).toString('base64'))}`;
    }
    const token = this.#bearer?.read().trim() ?? bearer;
    if (token !== undefined) all['authorization'] = `Bearer ${holdSecret(token)}`;
    return all;
  }
}

/** What a TLS connection is made with. */
export interface TlsMaterial {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly servername?: string;
  readonly rejectUnauthorized: boolean;
}

export class TlsFiles {
  readonly #options: TlsOptions;
  readonly #ca: WatchedFile | undefined;
  readonly #cert: WatchedFile | undefined;
  readonly #key: WatchedFile | undefined;
  #last: TlsMaterial | undefined;

  constructor(options: TlsOptions) {
    this.#options = options;
    const file = (path: string | undefined, what: string): WatchedFile | undefined =>
      path === undefined ? undefined : new WatchedFile(path, what);
    this.#ca = file(options.ca_file, 'the file of certificate authorities');
    this.#cert = file(options.cert_file, 'the certificate file');
    this.#key = file(options.key_file, 'the key file');
  }

  /** What to connect with now: the same object for as long as no file changes. Throws when a file cannot be read. */
  material(): TlsMaterial {
    const { server_name: servername, insecure_skip_verify: insecure } = this.#options;
    const [ca, cert, key] = [this.#ca?.read(), this.#cert?.read(), this.#key?.read()];
    const last = this.#last;
    if (last !== undefined && last.ca === ca && last.cert === cert && last.key === key) return last;
    this.#last = {
      ...(ca === undefined ? {} : { ca }),
      ...(cert === undefined ? {} : { cert }),
      ...(key === undefined ? {} : { key }),
      ...(servername === undefined ? {} : { servername }),
      rejectUnauthorized: !insecure,
    };
    return this.#last;
  }
}
