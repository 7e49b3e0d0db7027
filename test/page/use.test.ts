/** What an operator does with the page, by keyboard and pointer, and what the service is sent then. */
import type { Browser, Locator, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { openBrowser, openPage, violations } from './browser.ts';
import { ScriptedService, TOKEN } from './server.ts';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 900_000 });

/** Long enough that only what never comes is missed. */
const eventually = <T>(read: () => T) => expect.poll(read, { timeout: 15_000 });

let service: ScriptedService;
let browser: Browser | string;
let page: Page;

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

async function open(state: ScriptedService['state'] = 'well'): Promise<void> {
  service.state = state;
  await page.goto(service.address);
  await page.getByRole('heading', { level: 1, name: /All is well|Degraded|Failing/ }).waitFor();
  await eventually(() => service.readers.length).toBe(1);
}

const button = (name: string | RegExp): Locator => page.getByRole('button', { name });
const giveToken = async (token: string): Promise<void> => {
  const dialog = page.getByRole('dialog', { name: 'Token' });
  await dialog.getByRole('textbox', { name: 'Token' }).fill(token);
  await page.keyboard.press('Enter');
};
const lines = (): Locator => page.getByRole('region', { name: 'Events' }).locator('tbody tr');

describe('actions', () => {
  test('the token is asked for once, and a wrong one again', async () => {
    await open();
    await button('Pause broker').click();
    await giveToken('wrong');
    await page.getByText('The service does not take this token.').waitFor();
    await giveToken(TOKEN);
    await page.getByText('broker is paused. Its events are kept').waitFor();
    expect(service.sent).toEqual([
      { path: '/api/sinks/broker/pause', token: 'wrong', body: {} },
      { path: '/api/sinks/broker/pause', token: TOKEN, body: {} },
    ]);
    await page.getByRole('textbox', { name: 'Drain, events/s' }).fill('500');
    await page.keyboard.press('Enter');
    await page.getByText('broker drains at at most 500 events/s.').waitFor();
    expect(service.sent.at(-1)).toEqual({ path: '/api/sinks/broker/drain', token: TOKEN, body: { rate: 500 } });
    await page.getByRole('textbox', { name: 'Drain, events/s' }).fill('auto');
    await page.keyboard.press('Enter');
    await eventually(() => service.sent.at(-1)?.body).toEqual({ rate: 'auto' });
  });

  test('without a token nothing is sent', async () => {
    await open();
    await button('Pause broker').click();
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    expect(service.sent).toEqual([]);
  });

  test('resume, probe, reload, log level', async () => {
    await open('paused');
    await button('Resume broker').click();
    await giveToken(TOKEN);
    await page.getByText('broker delivers again.').waitFor();
    await button('Try now').click();
    await page.getByText('broker tries its broker now.').waitFor();
    await button('Reload the configuration').click();
    await page.getByText('The configuration was reloaded.').waitFor();
    await page.getByLabel('Log level').selectOption('debug');
    await page.locator('#configuration').getByRole('button', { name: 'Set' }).click();
    await page.getByText('The service logs at the level debug.').waitFor();
    expect(service.sent.map(({ path, body }) => [path, body])).toEqual([
      ['/api/sinks/broker/resume', {}],
      ['/api/sinks/broker/probe', {}],
      ['/api/reload', {}],
      ['/api/log', { level: 'debug' }],
    ]);
  });

  test('what is refused is said, and stays', async () => {
    await open();
    service.refusal = 'line 3: no such sensor: cpuu';
    await button('Reload the configuration').click();
    await giveToken(TOKEN);
    await page.getByText('Could not reload the configuration: line 3: no such sensor: cpuu').waitFor();
  });

  test('dead letters: chosen ones are given up only when it is meant', async () => {
    await open('dead');
    await button('3 dead letters …').click();
    const dialog = page.getByRole('dialog', { name: 'Dead letters of broker' });
    await dialog.getByText('MESSAGE_TOO_LARGE').first().waitFor();
    expect(await violations(page)).toEqual([]);
    await dialog.getByLabel('2', { exact: true }).check();
    await button('Give up 1 dead letter …').click();
    const question = page.getByRole('dialog', { name: 'Give up 1 dead letter of broker?' });
    await question.getByText('cannot be brought back').waitFor();
    expect(await page.evaluate('document.activeElement.textContent')).toBe('Cancel');
    await page.keyboard.press('Escape');
    await question.waitFor({ state: 'detached' });
    expect(service.sent).toEqual([]);
    await button('Give up 1 dead letter …').click();
    await question.getByRole('button', { name: 'Give up 1 dead letter' }).click();
    await giveToken(TOKEN);
    await dialog.waitFor({ state: 'detached' });
    expect(service.sent).toEqual([{ path: '/api/sinks/broker/dead/discard', token: TOKEN, body: { numbers: [2] } }]);
  });

  test('dead letters: all are sent again', async () => {
    await open('dead');
    await button('3 dead letters …').click();
    await button('Send all 3 dead letters again').click();
    await giveToken(TOKEN);
    await expect
      .poll(() => service.sent)
      .toEqual([{ path: '/api/sinks/broker/dead/retry', token: TOKEN, body: { numbers: 'all' } }]);
  });

  test('where no token is configured there is none', async () => {
    await open('empty');
    expect(await page.getByRole('button', { name: /Pause|Reload/ }).count()).toBe(0);
  });
});

describe('events', () => {
  test('a filter is the service’s, and the sensors go on', async () => {
    await open();
    service.push(2);
    await eventually(() => lines().count()).toBe(6);
    await page.getByLabel('Types').fill('system.disk*');
    await eventually(() => service.readers).toEqual(['', 'system.disk*']);
    service.push(2);
    await eventually(() => lines().count()).toBe(2);
    expect(await lines().first().innerText()).toMatch(/system\.disk\s+disk/);
    await page.getByLabel('Types').fill('');
    await eventually(() => service.readers).toEqual(['']);
    service.push(1);
    await eventually(() => lines().count()).toBe(3);
  });

  test('a pattern that is none is told', async () => {
    await open();
    await page.getByLabel('Types').fill('[');
    await page.getByText('The service does not send events: match: [ is no pattern.').waitFor();
  });

  test('held, they are counted and not shown; what was missed is told', async () => {
    await open();
    await button('Hold').click();
    service.push(2);
    service.miss(1200);
    await page.getByText(/1,200 events came faster than the page is sent.*Held; 6 events came since\./).waitFor();
    expect(await lines().count()).toBe(0);
    await button('Go on').click();
    await eventually(() => lines().count()).toBe(6);
  });

  test('one is shown as a table, and a number of it is plotted at its sensor', async () => {
    await open();
    service.push(3);
    await button('system.disk: show as a table').first().click();
    const dialog = page.getByRole('dialog', { name: 'system.disk' });
    expect(await dialog.getByRole('row').allInnerTexts()).toHaveLength(4);
    expect(await violations(page)).toEqual([]);
    await dialog.getByLabel('Rows with').fill('write');
    await eventually(() => dialog.getByRole('row').count()).toBe(2);
    await dialog.locator('td button').click();
    await dialog.waitFor({ state: 'detached' });
    expect(await page.getByLabel('Row of disk to plot').inputValue()).toBe('sda, write');
    await page
      .locator('#sensor-disk')
      .getByRole('img', { name: /^From .* to .*\/s within/ })
      .waitFor();
  });
});

describe('who has no pointer', () => {
  test('reaches everything, and sees where he is', async () => {
    await open('dead');
    service.push(1);
    await lines().first().waitFor();
    const stops = new Set<string>();
    for (let i = 0; i < 80; i++) {
      await page.keyboard.press('Tab');
      const [name, seen] = await page.evaluate<[string, boolean]>(`(() => {
        const at = document.activeElement;
        const style = getComputedStyle(at);
        const box = at.querySelector('.box');
        return [at.getAttribute('aria-label') ?? at.textContent + (at.id ?? ''),
          at === document.body || style.outlineStyle !== 'none' || (box !== null && parseFloat(getComputedStyle(box).strokeWidth) >= 4)];
      })()`);
      expect(seen, name).toBe(true);
      stops.add(name);
    }
    const names = [...stops].join('\n');
    for (const wanted of [
      'Skip to the sinks',
      'cpu: sensor cpu, well',
      'broker sending: sink broker, degraded',
      'Pause broker',
      '3 dead letters …',
      'drain-broker',
      'filter',
      'system.disk: show as a table',
      'Reload the configuration',
      'level',
    ])
      expect(names).toContain(wanted);
  });
});

describe('what it costs, and who is told', () => {
  test('the headline is announced when it changes, and only then', async () => {
    await open('outage');
    await page.evaluate(
      "globalThis.changes = 0; new MutationObserver(() => changes++).observe(document.querySelector('[role=status]'), { subtree: true, childList: true, characterData: true })",
    );
    const asked = (): number => service.asked.filter((path) => path === '/api/status').length;
    const before = asked();
    await eventually(asked).toBeGreaterThan(before + 1);
    expect(await page.evaluate('changes')).toBe(0);
    service.state = 'well';
    await page.getByRole('heading', { level: 1, name: 'All is well.' }).waitFor();
    expect(await page.evaluate('changes')).toBeGreaterThan(0);
  });

  test('while it is hidden nothing is asked and nothing read', async () => {
    await open();
    const show = async (state: string): Promise<unknown> =>
      await page.evaluate(
        `Object.defineProperty(document, 'visibilityState', { configurable: true, value: '${state}' }); document.dispatchEvent(new Event('visibilitychange'))`,
      );
    await show('hidden');
    await eventually(() => service.readers).toEqual([]);
    const before = service.asked.length;
    // Longer than from one question to the next.
    await page.waitForTimeout(4500);
    expect(service.asked.length).toBe(before);
    await show('visible');
    await eventually(() => service.readers.length).toBe(1);
    await eventually(() => service.asked.slice(before)).toContain('/api/history');
  });

  test('a service that shows nothing without its token is given it', async () => {
    service.locked = true;
    await page.goto(service.address);
    await page.getByRole('dialog', { name: 'Token' }).waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('heading', { level: 1, name: 'tidegate asks for its token.' }).waitFor();
    await button('Enter the token').click();
    await giveToken(TOKEN);
    await page.getByRole('heading', { level: 1, name: 'All is well.' }).waitFor();
    await eventually(() => service.readers.length).toBe(1);
  });
});
