/** What an operator says about the HTTP interface: where it listens, who may ask. */
import { isIP } from 'node:net';
import * as z from 'zod';
import { credential } from '../http-client/options.ts';

/** t-i-d-e on a keypad. */
const DEFAULT_LISTEN = '127.0.0.1:8433';
/** A shorter token could be guessed. In characters. */
export const TOKEN_LENGTH_MIN = 16;
const ADDRESSES_MAX = 16;
const PORT_MAX = 65_535;

export interface Address {
  /** A name or an IP address, without brackets. */
  readonly host: string;
  /** 0 is any that is free. */
  readonly port: number;
}

/** `127.0.0.1:8433`, `[::1]:8433`, `localhost:8433`; undefined for what is none. */
function parseAddress(text: string): Address | undefined {
  const [, six, name, digits] = /^(?:\[([\da-f:.]+)\]|([^\s:[\]/@]+)):(\d{1,5})$/i.exec(text) ?? [];
  const [host, port] = [six ?? name, Number(digits)];
  if (host === undefined || port > PORT_MAX || (six !== undefined && isIP(six) !== 6)) return undefined;
  return { host, port };
}

export const formatAddress = ({ host, port }: Address): string => `${isIP(host) === 6 ? `[${host}]` : host}:${port}`;

/** Whether only this machine can reach it. Of names that is known of `localhost` alone. */
export const isLoopback = ({ host }: Pick<Address, 'host'>): boolean =>
  host.toLowerCase() === 'localhost' || (isIP(host) === 4 && host.startsWith('127.')) || /^(0*:)*:?0*1$/.test(host);

const address = z
  .string()
  .refine((text) => parseAddress(text) !== undefined, { error: 'expected host:port, such as 127.0.0.1:8433 or [::1]:8433' });

const file = (example: string) =>
  z
    .string()
    .min(1)
    .meta({ examples: [example] });

const tls = z.strictObject({
  cert: file('/etc/tidegate/server.pem').describe('File of the certificate to show, with its chain, in PEM form.'),
  key: file('/etc/tidegate/server.key').describe('File of its key, in PEM form.'),
  ca: file('/etc/tidegate/clients.pem')
    .optional()
    .describe('File of the authorities that clients must show a certificate of, in PEM form (default: clients need none).'),
});

export const httpOptions = z
  .strictObject({
    enabled: z.boolean().prefault(true).describe('Whether there is an API and a page (default true).'),
    listen: z
      .union([address, z.array(address).min(1).max(ADDRESSES_MAX)])
      .meta({ examples: [DEFAULT_LISTEN] })
      .optional()
      .describe(
        `Where it listens, as host:port or a list of them; beyond this machine only with a token or TLS (default ${DEFAULT_LISTEN}).`,
      ),
    token: credential()
      .meta({ examples: [{ file: '/etc/tidegate/token' }] })
      .optional()
      .describe(
        `What "Authorization: Bearer" must hold for anything to be changed, and from other machines for everything: a text of ${TOKEN_LENGTH_MIN} characters or more, or { file: PATH } (default: nothing can be changed).`,
      ),
    tls: tls.optional().describe('Speak https. The files are read again when they change.'),
    ready: z
      .enum(['started', 'any', 'all'])
      .prefault('started')
      .describe(
        'When /readyz answers 200: once it has started, while any sink works, or while all of them do (default started).',
      ),
  })
  .prefault({})
  .describe('The API, and the page in the browser.');

export type HttpOptions = z.output<typeof httpOptions>;

/** The addresses that the options name. */
export function addressesOf({ listen = DEFAULT_LISTEN }: Pick<HttpOptions, 'listen'>): Address[] {
  return [listen].flat().map((text) => parseAddress(text) as Address);
}
