/** What an operator reads in each state of a service, light and dark, on a phone and on a screen; and that all of them can read it. */
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { LOOKS, openBrowser, openPage, violations } from './browser.ts';
import { ScriptedService } from './server.ts';
import { STATES, type StateName } from './states.ts';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 900_000 });

/** What the picture of the way of the data tells beside names: what goes along its lines, and what waits. */
const DRAWN: Partial<Record<StateName, RegExp[]>> = {
  well: [/bus 34 events\/s/, /34\/s.*34\/s/],
  outage: [/cut off/, /broker 84\.2k wait/],
  draining: [/240\/s/, /broker 61k wait/],
  paused: [/broker paused/],
};

/** Headline, and what else is on the page. */
const READ: Record<StateName, [string, RegExp[]]> = {
  empty: ['All is well.', [/no sensor, there is no sink/i, /No sink is configured/, /No sensor is configured/]],
  well: [
    'All is well.',
    [
      /11 sensors sample, 2 sinks deliver 68 events\/s, nothing waits, nothing was given up/,
      /Well: it is sending/,
      /half within 6\.4 ms, 99 % within 38 ms/,
    ],
  ],
  outage: [
    'Degraded: sink broker.',
    [
      /The broker at 10\.0\.4\.11:9092 is away since .+ UTC \(cannot connect to 10\.0\.4\.11:9092: connect ECONNREFUSED\)/,
      /; next attempt in 12 s; 84,120 events \(46\.0 MB\) are kept on disk, 40 events \(21\.0 kB\) wait in memory\./,
      /\(began 41 minutes ago\)/,
      /kafka, to 10\.0\.4\.11:9092, topic telemetry/,
      /it cannot reach the broker/,
      /cut off since 41 minutes ago/,
      /37, the first 41 minutes ago/,
      /Will drain\s+at most 1,000 events\/s, 4\.19 MB\/s/,
      /84,120 events, 46 MB of 2 GB/,
      /ECONNREFUSED/,
    ],
  ],
  draining: [
    'Degraded: sink broker.',
    [
      /61,000 events \(33\.0 MB\) of before are being sent to broker, until empty in 5 minutes at 240\/s\./,
      /it is delivering what waited/,
      /at most 240 events\/s/,
      /in 5 minutes/,
    ],
  ],
  full: [
    'Failing: sink broker.',
    [
      /12,034 events of the sink broker were dropped since the start \(12,034 because the spool was full\), the last at /,
      /The spool of broker is 100 % full \(2\.0 GB of 2\.0 GB\)/,
      /12,034 events were given up since the start/,
      /Given up because: spool full 12,034/,
      /2 GB of 2 GB/,
    ],
  ],
  paused: [
    'Degraded: sink broker.',
    [
      /is paused by an operator since .+; 1,200 events \(650\.0 kB\) wait in memory\. To go on: tidegate spool broker resume/,
      /Resume broker/,
    ],
  ],
  dead: [
    'Degraded: sink broker.',
    [
      /3 events \(3\.4 MB\) of broker were refused by the broker for good and are kept: tidegate spool broker list --dead/,
      /3 dead letters …/,
    ],
  ],
  sensor: [
    'Degraded: sensor gpu and sensor node.',
    [
      /The sensor gpu is unavailable since .+: nvidia-smi did not answer within 10 s; it is tried again every few minutes\./,
      /The sensor node fails since .+, 18 times in a row: connect ECONNREFUSED 10\.0\.7\.3:9100\./,
      /12 of 13 sensors sample/,
      /Failed 18 times in a row: connect ECONNREFUSED/,
      /10\.0\.7\.4:9100: no answer within 5 s/,
    ],
  ],
};

/** Long enough that only what never comes is missed. */
const eventually = <T>(read: () => T) => expect.poll(read, { timeout: 15_000 });

let service: ScriptedService;
let browser: Browser | string;

beforeAll(async () => {
  [service, browser] = await Promise.all([ScriptedService.start(), openBrowser()]);
});
beforeEach((context) => {
  if (typeof browser === 'string') context.skip(browser);
  service.reset();
});
afterAll(async () => {
  if (typeof browser !== 'string') await browser.close();
  await service.close();
});

const headline = (page: Page, text: string | RegExp) => page.getByRole('status').getByRole('heading', { level: 1, name: text });

describe.each(LOOKS)('$theme, $width px wide', (look) => {
  let page: Page;
  const elsewhere: string[] = [];
  const broken: string[] = [];

  beforeAll(async () => {
    if (typeof browser === 'string') return;
    page = await openPage(browser, look);
    page.on('request', (request) => {
      if (!request.url().startsWith(service.address) && !request.url().startsWith('data:')) elsewhere.push(request.url());
    });
    page.on('pageerror', (error) => broken.push(String(error)));
    page.on('console', (message) => {
      if (/content security policy/i.test(message.text())) broken.push(message.text());
    });
  });
  afterAll(async () => await page?.context().close());

  test.each(Object.keys(STATES) as StateName[])('%s', async (state) => {
    service.state = state;
    await page.goto(service.address);
    const [sentence, texts] = READ[state];
    await headline(page, sentence).waitFor();
    await eventually(() => service.readers.length).toBeGreaterThan(0);
    service.push(3);
    if (state !== 'empty') await page.locator('.uplot').first().waitFor();
    await page.getByText(/events since this page was opened/).waitFor();
    const read = await page.locator('body').innerText();
    for (const text of texts) expect(read).toMatch(text);
    const drawn = await page.locator('#way svg').textContent();
    for (const text of DRAWN[state] ?? []) expect(drawn).toMatch(text);
    expect(await page.title()).toBe(`${sentence.slice(0, -1)} · edge-7 · tidegate`);
    expect(await violations(page)).toEqual([]);
    const wider = await page.evaluate<number>('document.documentElement.scrollWidth - innerWidth');
    expect(wider, 'nothing is wider than the screen').toBeLessThanOrEqual(0);
    expect([elsewhere, broken]).toEqual([[], []]);
  });

  test('the service goes away, and comes back', async () => {
    await page.goto(service.address);
    await headline(page, 'All is well.').waitFor();
    service.leave();
    await headline(page, /^tidegate on edge-7 has not answered since /).waitFor();
    await page
      .getByText(/The last answer came .* ago: nothing answers at this address\. The page asks again every 2 seconds\./)
      .waitFor();
    expect(await violations(page)).toEqual([]);
    service.gone = false;
    await headline(page, 'All is well.').waitFor();
    await eventually(() => service.readers.length).toBeGreaterThan(0);
    expect(broken).toEqual([]);
  });
});

test('a service that never answered is told as such', async () => {
  const page = await openPage(browser as Browser);
  await page.route('**/api/status', (route) => route.abort());
  await page.goto(service.address);
  await headline(page, /^tidegate does not answer; asked since /).waitFor();
  await page.context().close();
});
