/**
 * Pictures of the page, to be looked at: `node scripts/page-pictures.ts` makes docs/page.png anew, and with a FOLDER a picture of every state in
 * every look. They are of the page as it is, before a service that answers as in the tests.
 */
import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Browser } from 'playwright-core';
import { LOOKS, type Look, openBrowser, openPage } from '../test/page/browser.ts';
import { ScriptedService } from '../test/page/server.ts';
import { STATES, type StateName } from '../test/page/states.ts';

/** Rounds of events that the lines of the sensors are made of. */
const ROUNDS = 40;
/** Below the last element, in pixels. */
const MARGIN = 16;
const DOCS: Look = { theme: 'light', width: 1100 };

/** The whole page, or from its beginning to the end of an element. */
async function picture(browser: Browser, state: StateName, look: Look, path: string, last?: string): Promise<void> {
  const service = await ScriptedService.start();
  service.state = state;
  const page = await openPage(browser, look);
  await page.goto(service.address);
  await page.locator('#about time').waitFor();
  while (service.readers.length === 0) await page.waitForTimeout(20);
  service.push(ROUNDS);
  await page.locator('#events tbody tr').first().waitFor();
  if (state !== 'empty') {
    await page.locator('.uplot').first().waitFor();
    await page.locator('.spark polyline').first().waitFor();
  }
  const box = last === undefined ? undefined : await page.locator(last).boundingBox();
  const clip = box && { x: 0, y: 0, width: look.width, height: Math.ceil(box.y + box.height) + MARGIN };
  await page.screenshot({ path, fullPage: true, ...(clip && { clip }) });
  await page.context().close();
  await service.close();
}

const [folder] = process.argv.slice(2);
const browser = await openBrowser();
if (typeof browser === 'string') throw new Error(browser);
try {
  if (folder === undefined)
    await picture(browser, 'outage', DOCS, resolve(import.meta.dirname, '../docs/page.png'), '#sink-broker');
  else {
    mkdirSync(folder, { recursive: true });
    for (const state of Object.keys(STATES) as StateName[])
      for (const look of LOOKS) await picture(browser, state, look, join(folder, `${state}-${look.theme}-${look.width}.png`));
  }
} finally {
  await browser.close();
}
