/** The files of the page: what is served of a folder, how often, and nothing beside it. */
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { Assets } from '../../src/http/assets.ts';
import { writeFiles } from '../support.ts';
import { temporaryFolder } from '../temporary.ts';

const SCRIPT = 'export const tide = 1;\n'.repeat(200);

function assets(): Assets {
  const folder = temporaryFolder();
  writeFiles(folder, {
    'page/index.html': '<!doctype html><title>tide</title>',
    'page/main.mjs': SCRIPT,
    'page/tsconfig.json': '{}',
    'secret.txt': 'secret',
  });
  return new Assets(`${folder}/page`);
}

const get = async (path: string, headers: Record<string, string> = {}) =>
  await assets().answer(path, new Request('http://127.0.0.1/', { headers }));

describe('the page', () => {
  it('is / and /assets/NAME', async () => {
    const page = await get('/');
    expect(page?.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(await page?.text()).toContain('<title>tide</title>');
    expect((await get('/assets/main.mjs'))?.headers.get('content-type')).toBe('text/javascript; charset=utf-8');
  });

  it.each([
    '/assets/',
    '/assets/index.html',
    '/assets/tsconfig.json',
    '/assets/../secret.txt',
    '/assets/%2e%2e/secret.txt',
    '/main.mjs',
  ])('is not %s', async (path) => {
    expect(await get(path)).toBeUndefined();
  });

  it('is packed for those who can unpack it', async () => {
    const unpack = { br: brotliDecompressSync, gzip: gunzipSync };
    for (const encoding of ['br', 'gzip'] as const) {
      const answer = (await get('/assets/main.mjs', { 'accept-encoding': `${encoding}, identity` })) as Response;
      expect(answer.headers.get('content-encoding')).toBe(encoding);
      const body = Buffer.from(await answer.arrayBuffer());
      expect(body.length).toBeLessThan(SCRIPT.length / 10);
      expect(unpack[encoding](body).toString()).toBe(SCRIPT);
    }
    const plain = (await get('/assets/main.mjs', { 'accept-encoding': 'br;q=0' })) as Response;
    expect(plain.headers.get('content-encoding')).toBeNull();
    expect(await plain.text()).toBe(SCRIPT);
  });

  it('is not sent again to who has it', async () => {
    const etag = (await get('/assets/main.mjs'))?.headers.get('etag') as string;
    const again = await get('/assets/main.mjs', { 'if-none-match': etag });
    expect([again?.status, await again?.text()]).toEqual([304, '']);
    expect((await get('/assets/main.mjs', { 'if-none-match': '"other"' }))?.status).toBe(200);
  });
});
