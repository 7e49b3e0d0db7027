/** What an operator does to the service from the page, and what the service is sent then. */
import { describe, expect, test } from 'vitest';
import { violations } from './browser.ts';
import { button, giveToken, open, page, service } from './operator.ts';
import { TOKEN } from './server.ts';

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
  });

  test('the rate of a drain, in events and in bytes', async () => {
    await open();
    const [events, bytes] = ['Drain, events/s', 'Drain, bytes/s'].map((name) => page.getByRole('textbox', { name }));
    const set = async (most: string, size: string, body: object, said: string): Promise<void> => {
      await events?.fill(most);
      await bytes?.fill(size);
      await page.keyboard.press('Enter');
      if (service.sent.length === 0) await giveToken(TOKEN);
      await page.getByText(`broker now drains: ${said}. This holds until the next reload.`).waitFor();
      expect(service.sent.at(-1)).toEqual({ path: '/api/sinks/broker/drain', token: TOKEN, body });
    };
    await set('500', '', { rate: 500 }, 'events at most 500 events/s, bytes as configured');
    await set(
      'auto',
      '4 MiB',
      { rate: 'auto', byte_rate: '4 MiB' },
      'events at a rate that it finds itself, bytes at most 4 MiB/s',
    );
    await set('', '', {}, 'events as configured, bytes as configured');
    const sent = service.sent.length;
    await bytes?.fill('much');
    await page.keyboard.press('Enter');
    expect(await page.locator('input[name=bytes]:invalid').count()).toBe(1);
    expect(service.sent).toHaveLength(sent);
  });

  test('what is on disk is given up only when it is meant', async () => {
    await open('outage');
    await button('Give up what is on disk …').click();
    const question = page.getByRole('dialog', { name: 'Give up 84,120 events on disk?' });
    await question.getByText('cannot be brought back').waitFor();
    expect(await violations(page)).toEqual([]);
    expect(await page.evaluate('document.activeElement.textContent')).toBe('Cancel');
    await page.keyboard.press('Escape');
    await question.waitFor({ state: 'detached' });
    expect(service.sent).toEqual([]);
    await button('Give up what is on disk …').click();
    await question.getByRole('button', { name: 'Give up 84,120 events on disk' }).click();
    await giveToken(TOKEN);
    await page.getByText('3 events of broker given up.').waitFor();
    expect(service.sent).toEqual([{ path: '/api/sinks/broker/spool/discard', token: TOKEN, body: { numbers: 'all' } }]);
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
