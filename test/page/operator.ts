/** A page that an operator has open, in a browser of a test file, beside a service that answers by script. */
import type { Browser, Locator, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, expect, vi } from 'vitest';
import { openBrowser, openPage } from './browser.ts';
import { ScriptedService } from './server.ts';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 900_000 });

/** Long enough that only what never comes is missed. */
export const eventually = <T>(read: () => T) => expect.poll(read, { timeout: 15_000 });

export let service: ScriptedService;
let browser: Browser | string;
export let page: Page;

beforeAll(async () => {
  [service, browser] = await Promise.all([ScriptedService.start(), openBrowser()]);
});
beforeEach(async (context) => {
  if (typeof browser === 'string') return context.skip(browser);
  service.reset();
  page = await openPage(browser);
});
afterEach(async () => {
  await page?.context().close();
  if (service) await eventually(() => service.readers).toEqual([]);
});
afterAll(async () => {
  if (typeof browser !== 'string') await browser.close();
  await service.close();
});

export async function open(state: ScriptedService['state'] = 'well'): Promise<void> {
  service.state = state;
  await page.goto(service.address);
  await page.getByRole('heading', { level: 1, name: /All is well|Degraded|Failing/ }).waitFor();
  await eventually(() => service.readers.length).toBe(1);
}

export const button = (name: string | RegExp): Locator => page.getByRole('button', { name });
export const giveToken = async (token: string): Promise<void> => {
  const dialog = page.getByRole('dialog', { name: 'Token' });
  await dialog.getByRole('textbox', { name: 'Token' }).fill(token);
  await page.keyboard.press('Enter');
};
