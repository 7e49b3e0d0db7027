/**
 * Serves pages of metrics to a bench: `node page-server.ts SAMPLES VARIANTS` prints its port. `/metrics?N` is the page of target N, with new values each time;
 * targets from VARIANTS on write the same pages again.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pageParts, writePage } from './page.ts';

const [samples = 500, variants = 1] = process.argv.slice(2).map(Number);
/** Pages of each variant with other values, made before: the server is not what is measured. Of many variants there are fewer, for its own memory. */
const VALUES = variants > 200 ? 2 : 8;
const pages = Array.from({ length: variants }, (_, i) => {
  const parts = pageParts({ samples, seed: i + 1 });
  return Array.from({ length: VALUES }, (_value, seed) => writePage(parts, seed));
});
let served = 0;
const server = createServer({ keepAliveTimeout: 120_000 }, (request, response) => {
  const target = Number(request.url?.split('?')[1] ?? 0);
  const page = pages[target % variants]?.[served++ % VALUES];
  response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4', 'content-length': page?.length ?? 0 }).end(page);
});
server.listen(0, '127.0.0.1', () => console.log((server.address() as AddressInfo).port));
