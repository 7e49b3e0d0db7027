/** Options of whoever asks a server over HTTP: who it says it is, how it knows the server, what it takes from it. */
import * as z from 'zod';
import { bytes, secret } from '../options.ts';

/** A text that is secret, or the file that holds it, which is read again when it changes. */
export const credential = () =>
  z.union([secret(), z.strictObject({ file: z.string().min(1).describe('File that holds it, as a path.') })], {
    error: 'expected a text, or { file: PATH }',
  });

export type Credential = z.output<ReturnType<typeof credential>>;

const basic = z.union(
  [
    z.strictObject({ file: z.string().min(1) }),
    z.strictObject({
      username: z
        .string()
        .min(1)
        .regex(/^[^:]*$/, 'a user name has no ":"'),
      password: credential(),
    }),
  ],
  { error: 'expected { username: …, password: … }, or { file: PATH } of a file that holds user:password' },
);

const tls = z.strictObject({
  ca: z
    .string()
    .min(1)
    .meta({ examples: ['/etc/ssl/node-ca.pem'] })
    .optional()
    .describe("File of certificates to trust instead of Node's own, in PEM form."),
  cert: z
    .string()
    .min(1)
    .meta({ examples: ['/etc/tidegate/client.pem'] })
    .optional()
    .describe('File of the certificate to show, in PEM form.'),
  key: z
    .string()
    .min(1)
    .meta({ examples: ['/etc/tidegate/client.key'] })
    .optional()
    .describe("File of that certificate's key, in PEM form."),
  server_name: z
    .string()
    .min(1)
    .meta({ examples: ['node.example.org'] })
    .optional()
    .describe("Name to ask for and to find in the certificate (default the URL's)."),
  verify: z.boolean().prefault(true).describe('Whether the certificate must be right (default true).'),
});

/** Headers: their names with texts, or with the files that hold them. */
export const headersOption = () =>
  z.record(z.string().regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/, 'expected the name of a header'), credential());

/** Members for a `strictObject` of a component's options. */
export const clientOptions = {
  headers: headersOption()
    .meta({ examples: [{ 'X-Algo-API-Token': { file: '/var/lib/algorand/algod.token' } }] })
    .prefault({})
    .describe('Headers of every request: texts, or { file: PATH }, which is read again when it changes (default none).'),
  basic: basic
    .meta({ examples: [{ username: 'monitor', password: { file: '/etc/tidegate/password' } }] })
    .optional()
    .describe('User and password: { username, password }, or { file: PATH } of a file with user:password (default none).'),
  bearer: credential()
    .meta({ examples: [{ file: '/etc/tidegate/token' }] })
    .optional()
    .describe('Token for "Authorization: Bearer": a text, or { file: PATH } (default none).'),
  tls: tls.prefault({}).describe('How https is spoken. The files are read again when they change.'),
  unix_socket: z
    .string()
    .min(1)
    .meta({ examples: ['/run/node.sock'] })
    .optional()
    .describe('Socket to connect to instead of the host and port of the URL, as a path (default none).'),
  max_body: bytes({ min: 1024, max: 2 ** 30 })
    .prefault('4MiB')
    .describe('Longest answer that is taken, in bytes, unpacked (default 4MiB).'),
  max_redirects: z.int().min(0).max(20).prefault(5).describe('Redirections that are followed, as a number (default 5).'),
};

const shape = z.strictObject(clientOptions);
export type ClientOptions = z.output<typeof shape>;

/** A URL of a server: http or https, without user and password, which would be shown wherever it is named. */
export const serverUrl = () =>
  z.string().superRefine((text, context) => {
    const url = URL.parse(text);
    const wrong = (message: string): void => context.addIssue({ code: 'custom', message });
    if (!url) return wrong('expected a URL, such as http://127.0.0.1:8080');
    if (url.protocol !== 'http:' && url.protocol !== 'https:') return wrong('expected a URL with http:// or https://');
    if (url.username !== '' || url.password !== '') return wrong('a URL here has no user and password: give them with "basic"');
    return undefined;
  });
