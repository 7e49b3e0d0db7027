/**
 * The files of the page, which are plain files of `src/page/`: read once, at the first request, and kept with what a browser may be sent
 * instead of them. `index.html` is `/`; every other file is `/assets/NAME`. What the page takes from packages is listed in `VENDORED`.
 */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { extname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';
import { errno } from '../errors.ts';

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.mjs': 'text/javascript; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.woff2': 'font/woff2',
};
const INDEX = 'index.html';
/** Smaller ones are not packed, in bytes. */
const PACKED_MIN = 1024;
/** The highest takes 27 times as long for a twelfth less, and the first who opens the page waits for it. */
const BROTLI = { params: { [constants.BROTLI_PARAM_QUALITY]: 6 } };

/** Files of packages that the page uses, by the name that it asks for them under. */
const VENDORED: readonly (readonly [specifier: string, name: string])[] = [
  ['uplot/dist/uPlot.iife.min.js', 'uplot.js'],
  ['uplot/dist/uPlot.min.css', 'uplot.css'],
];

interface Asset {
  readonly type: string;
  readonly etag: string;
  readonly body: Readonly<Record<'br' | 'gzip' | 'identity', Buffer>>;
}

/** Beside this folder, in source and in the published build alike. */
const PAGE_FOLDER = resolve(import.meta.dirname, '..', 'page');

export class Assets {
  readonly #folder: string;
  #loading: Promise<ReadonlyMap<string, Asset>> | undefined;

  constructor(folder: string = PAGE_FOLDER) {
    this.#folder = folder;
  }

  /** The answer to a request of a path below `/`; undefined when there is no such file. */
  async answer(path: string, { headers }: Request): Promise<Response | undefined> {
    this.#loading ??= loadAll(this.#folder);
    const asset = (await this.#loading).get(path);
    if (!asset) return undefined;
    // It is asked for again each time, and mostly is what the browser has.
    const about = { etag: asset.etag, 'cache-control': 'no-cache', vary: 'Accept-Encoding' };
    if (headers.get('if-none-match')?.includes(asset.etag)) return new Response(null, { status: 304, headers: about });
    const encoding = (['br', 'gzip'] as const).find((one) => accepts(headers.get('accept-encoding'), one)) ?? 'identity';
    const body = asset.body[encoding];
    const packed = encoding !== 'identity' && body !== asset.body.identity;
    return new Response(new Uint8Array(body), {
      headers: { ...about, 'content-type': asset.type, ...(packed && { 'content-encoding': encoding }) },
    });
  }
}

const accepts = (header: string | null, encoding: string): boolean =>
  (header ?? '').split(',').some((one) => {
    const [name, quality] = one.split(';').map((part) => part.trim());
    return name === encoding && !/^q=0(\.0*)?$/.test(quality ?? '');
  });

async function loadAll(folder: string): Promise<ReadonlyMap<string, Asset>> {
  const assets = new Map<string, Asset>();
  const page = filesOf(folder);
  for (const [name, file] of page.length === 0 ? [] : [...page, ...vendored()]) {
    const type = TYPES[extname(name)];
    if (type === undefined) continue;
    assets.set(name === INDEX ? '/' : `/assets/${name}`, await assetOf(readFileSync(file), type));
  }
  return assets;
}

/** Names below the folder, with their paths; none where there is no folder. */
function filesOf(folder: string): [string, string][] {
  try {
    const names = readdirSync(folder, { recursive: true, encoding: 'utf8' });
    return names.map((name) => [name.replaceAll('\\', '/'), join(folder, name)]);
  } catch (error) {
    if (errno(error) === 'ENOENT') return [];
    throw error;
  }
}

/** Those that are installed. */
function vendored(): [string, string][] {
  const require = createRequire(import.meta.url);
  return VENDORED.flatMap(([specifier, name]) => {
    try {
      return [[name, require.resolve(specifier)]];
    } catch (error) {
      if (errno(error) === 'MODULE_NOT_FOUND') return [];
      throw error;
    }
  });
}

async function assetOf(content: Buffer, type: string): Promise<Asset> {
  const etag = `"${createHash('sha256').update(content).digest('base64url').slice(0, 22)}"`;
  const isText = !/^(image\/png|font|image\/x-icon)/.test(type);
  if (!isText || content.length < PACKED_MIN) return { type, etag, body: { identity: content, br: content, gzip: content } };
  const [br, gz] = await Promise.all([promisify(brotliCompress)(content, BROTLI), promisify(gzip)(content)]);
  return { type, etag, body: { identity: content, br, gzip: gz } };
}
