/** What an operator does with the page, by keyboard and pointer, and what the service is sent then. */
import type { Locator } from 'playwright-core';
import { describe, expect, test } from 'vitest';
import { violations } from './browser.ts';
import { button, eventually, giveToken, open, page, service } from './operator.ts';
import { TOKEN } from './server.ts';

const lines = (): Locator => page.getByRole('region', { name: 'Events' }).locator('tbody tr');

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

describe('the configuration in force', () => {
  test('is shown when it is asked for, and read anew after a reload', async () => {
    await open();
    expect(service.asked).not.toContain('/api/config');
    await page.getByText('Show it').click();
    const text = page.getByRole('region', { name: 'Configuration', exact: true });
    await eventually(() => text.innerText()).toContain('password: "***"');
    await page.getByText('Read from /etc/tidegate/tidegate.yaml; secrets are hidden.').waitFor();
    const asked = (): number => service.asked.filter((path) => path === '/api/config').length;
    const before = asked();
    await button('Reload the configuration').click();
    await giveToken(TOKEN);
    await eventually(asked).toBeGreaterThan(before);
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
      'drain-events-broker',
      'drain-bytes-broker',
      'filter',
      'system.disk: show as a table',
      'Reload the configuration',
      'level',
    ])
      expect(names).toContain(wanted);
  });
});

describe('who has no pointer, while things change', () => {
  test('keeps the place in the picture', async () => {
    await open();
    const link = page.getByRole('link', { name: /sink broker, well/ });
    await link.focus();
    service.state = 'outage';
    await page.getByRole('link', { name: /84.2k wait: sink broker, degraded/ }).waitFor();
    expect(await page.evaluate("document.activeElement.getAttribute('href')")).toBe('#sink-broker');
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
