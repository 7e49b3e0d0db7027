/** What the page costs: what is sent, when something is seen, and the service's CPU while somebody looks, beside the same service without. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { openBrowser } from '../test/page/browser.ts';
import { cpuMs, type Figure, median, REPOSITORY, scratch, sleep, withProcess } from './measure.ts';

/** Ten times as often as by default, so that there is something to see. */
const CONFIG = (folder: string): string => `interval: 1s
sensors: { cgroup: {}, cpu: {}, disk: {}, filesystem: {}, load: {}, memory: {}, network: {}, paging: {}, pressure: {}, sockets: {}, system: {} }
sinks:
  out: { type: file, path: ${JSON.stringify(join(folder, 'events.ndjson'))} }
http: { listen: "127.0.0.1:0" }
`;
const PAINTS = 7;
const WINDOWS = 3;
const WINDOW_MS = Number(process.env['BENCH_WINDOW'] ?? 30) * 1000;
/** Until what is called at each round is compiled. */
const WARMUP_MS = Number(process.env['BENCH_WARMUP'] ?? 90) * 1000;
/** A page that was just opened loads, which is no part of keeping it open. */
const SETTLE_MS = 5000;
const START_MS = 20_000;

interface Sent {
  readonly paint: number;
  readonly unpacked: number;
  readonly packed: number;
}

/** One opening of the page by a browser that has nothing of it. */
async function open(browser: Browser, address: string): Promise<Sent> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
  const page = await context.newPage();
  await page.goto(address);
  await page.locator('.uplot').first().waitFor();
  const [paint, ...sizes] = await page.evaluate<[number, number, number]>(`(() => {
    const files = performance.getEntries().filter((entry) => entry.entryType === 'navigation' || (entry.entryType === 'resource' && entry.name.includes('/assets/')));
    const sum = (key) => files.reduce((total, file) => total + file[key], 0);
    return [performance.getEntriesByName('first-contentful-paint')[0].startTime, sum('decodedBodySize'), sum('encodedBodySize')];
  })()`);
  await context.close();
  return { paint, unpacked: sizes[0], packed: sizes[1] };
}

/** CPU of the service in a window, as per cent of a core. */
async function share(pid: number): Promise<number> {
  const before = cpuMs(pid);
  await sleep(WINDOW_MS);
  return (100 * (cpuMs(pid) - before)) / WINDOW_MS;
}

/** The service, without the page and with it, by turns in one run. */
async function shares(browser: Browser, address: string, pid: number): Promise<{ closed: number; opened: number }> {
  const [closed, opened]: [number[], number[]] = [[], []];
  for (let i = 0; i < WINDOWS; i++) {
    closed.push(await share(pid));
    const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
    await page.goto(address);
    await sleep(SETTLE_MS);
    opened.push(await share(pid));
    await page.close();
  }
  return { closed: median(closed), opened: median(opened) };
}

/** Where the page is, as the service says in its log. */
async function addressOf(log: string): Promise<string> {
  for (const end = Date.now() + START_MS; Date.now() < end; await sleep(100)) {
    const address = /http:\/\/127\.0\.0\.1:\d+/.exec(readFileSync(log, 'utf8'))?.[0];
    if (address !== undefined) return address;
  }
  throw new Error(`the service said of no page in ${START_MS} ms: ${readFileSync(log, 'utf8')}`);
}

export async function livePage(): Promise<Figure[]> {
  const { folder, remove } = scratch();
  const browser = await openBrowser();
  if (typeof browser === 'string') throw new Error(browser);
  try {
    const [config, log] = [join(folder, 'tidegate.yaml'), join(folder, 'log')];
    writeFileSync(config, CONFIG(folder));
    writeFileSync(log, '');
    const main = join(REPOSITORY, 'dist/src/main.js');
    // The shell gives way to the service, whose log this reads.
    const script = 'exec "$@" 2>"$LOG"';
    const command = [
      '/usr/bin/env',
      `LOG=${log}`,
      '/bin/sh',
      '-c',
      script,
      'sh',
      process.execPath,
      main,
      '--state',
      folder,
      'run',
      '-c',
      config,
    ];
    return await withProcess(command, async ({ pid }) => {
      const address = await addressOf(log);
      const first = await open(browser, address);
      const again: Sent[] = [];
      for (let i = 0; i < PAINTS; i++) again.push(await open(browser, address));
      await sleep(WARMUP_MS);
      const { closed, opened } = await shares(browser, address, pid);
      return [
        { what: 'sent, unpacked', value: first.unpacked / 1000, unit: 'kB' },
        { what: 'sent, packed', value: first.packed / 1000, unit: 'kB', atMost: 150 },
        { what: 'first paint, the first page of a service', value: first.paint, unit: 'ms' },
        { what: 'first paint', value: median(again.map(({ paint }) => paint)), unit: 'ms', atMost: 500 },
        { what: 'CPU of the service without a page', value: closed, unit: '% of a core' },
        { what: 'CPU of the service with a page', value: opened, unit: '% of a core' },
        { what: 'CPU for the page', value: opened - closed, unit: '% of a core', atMost: 3 },
      ];
    });
  } finally {
    await browser.close();
    remove();
  }
}
