/** Where the service is that `top` and `tap` look at: in the folder for state, or at an address with a token. */
import { readFileSync } from 'node:fs';
import { describe, UsageError } from '../../errors.ts';
import { SecretFile } from '../../http-client/secret-file.ts';
import { type GlobalOptions, stateDir } from '../context.ts';

/** Exit codes of sysexits.h: EX_USAGE, EX_NOINPUT. */
const [EXIT_USAGE, EXIT_NO_INPUT] = [64, 66];

export interface AddressOptions extends GlobalOptions {
  readonly url?: string;
  readonly tokenFile?: string;
  readonly ca?: string;
}

export interface Address {
  /** As an operator is told, and what of it is connected to. */
  readonly name: string;
  readonly peer: string;
  /** Base of the API; of a socket, one that nobody resolves. */
  readonly url: URL;
  /** Folder in which the socket is; undefined with an address. */
  readonly state: string | undefined;
  /** Never shown. */
  readonly token: string | SecretFile | undefined;
  /** Certificates to trust instead of Node's own, PEM. */
  readonly ca: string | undefined;
}

/** What the command line and the environment say. Throws `UsageError`. */
export function addressOf(options: AddressOptions, env: NodeJS.ProcessEnv): Address {
  const { url: text, tokenFile, ca } = options;
  if (text === undefined) {
    for (const [name, given] of [
      ['--token-file', tokenFile],
      ['--ca', ca],
    ] as const)
      if (given !== undefined) throw new UsageError(`${name} is for --url only: the socket of a service takes none`, EXIT_USAGE);
    const state = stateDir(options, env);
    return { name: 'the service', peer: 'control.sock', url: new URL('http://service'), state, token: undefined, ca: undefined };
  }
  const url = URL.parse(text);
  if (url?.protocol !== 'http:' && url?.protocol !== 'https:')
    throw new UsageError(`--url ${JSON.stringify(text)} is no address: write it as http://127.0.0.1:8433`, EXIT_USAGE);
  // It is not repeated here, because it holds a secret.
  if (url.username !== '' || url.password !== '')
    throw new UsageError('--url holds a user or a password: give the token with --token-file or TIDEGATE_TOKEN', EXIT_USAGE);
  const token = tokenFile === undefined ? env['TIDEGATE_TOKEN'] || undefined : new SecretFile(tokenFile);
  return { name: url.host, peer: url.host, url, state: undefined, token, ca: ca === undefined ? undefined : read(ca) };
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new UsageError(`--ca ${file} cannot be read: ${describe(error)}`, EXIT_NO_INPUT);
  }
}
