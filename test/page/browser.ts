/**
 * A real browser for tests: the Chromium or Chrome that this machine has, or that of `TIDEGATE_TEST_BROWSER`; where there is none, Debian's
 * package, installed once. Where it cannot be had, `openBrowser` resolves with the reason.
 */
import { accessSync, constants, existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import axe from 'axe-core';
import { type Browser, chromium, type Page } from 'playwright-core';
import { execute } from '../brokers/owned.ts';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];
const MAC = [
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
];
/** How long one step of an installation may take, in milliseconds. */
const STEP_MS = 8 * 60_000;
/** Another test file may be installing, too. */
const LOCK_SECONDS = 480;

function find(): string | undefined {
  const given = process.env['TIDEGATE_TEST_BROWSER'];
  if (given) return given;
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  return [...folders.flatMap((folder) => NAMES.map((name) => join(folder, name))), ...MAC].find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Why it could not be installed, or nothing when it was. */
async function install(): Promise<string | undefined> {
  if (process.platform !== 'linux' || !existsSync('/usr/bin/apt-get')) {
    return 'needs Chromium or Chrome, and this system has no apt-get to install it: install one, or set TIDEGATE_TEST_BROWSER to its path';
  }
  if (process.getuid?.() !== 0) return 'needs Chromium, and only root may install it (apt-get install chromium)';
  process.stderr.write('test browser: installing chromium with apt-get (once)\n');
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C.UTF-8' };
  const quiet = ['-q', '-o', `DPkg::Lock::Timeout=${LOCK_SECONDS}`];
  try {
    await execute('apt-get', ['update', ...quiet], { deadlineMs: STEP_MS, env });
    await execute('apt-get', ['install', '-y', '--no-install-recommends', ...quiet, 'chromium'], { deadlineMs: STEP_MS, env });
    return undefined;
  } catch (error) {
    return `needs Chromium, which could not be installed: ${(error as Error).message}`;
  }
}

export async function openBrowser(): Promise<Browser | string> {
  const why = find() === undefined ? await install() : undefined;
  const executablePath = find();
  if (executablePath === undefined) return why ?? 'needs Chromium, and its package has none of the names that are looked for';
  // Root has no sandbox to be put into.
  return await chromium.launch({ executablePath, chromiumSandbox: process.getuid?.() !== 0 });
}

export interface Look {
  readonly theme: 'light' | 'dark';
  readonly width: number;
}

export const LOOKS: readonly Look[] = [
  { theme: 'light', width: 1280 },
  { theme: 'dark', width: 1280 },
  { theme: 'light', width: 360 },
  { theme: 'dark', width: 360 },
];

export async function openPage(browser: Browser, { theme, width }: Look = { theme: 'light', width: 1280 }): Promise<Page> {
  const context = await browser.newContext({ viewport: { width, height: 900 }, colorScheme: theme, reducedMotion: 'reduce' });
  context.setDefaultTimeout(15_000);
  return await context.newPage();
}

/** What is wrong for those who see, hear or point otherwise; WCAG 2.2 AA and good practice. */
export async function violations(page: Page): Promise<string[]> {
  await page.evaluate(axe.source);
  const run = "axe.run(document, { resultTypes: ['violations'] })";
  const { violations: found } = await page.evaluate<{
    violations: { id: string; help: string; nodes: { html: string; failureSummary?: string }[] }[];
  }>(run);
  return found.map(
    ({ id, help, nodes }) => `${id}: ${help}: ${nodes.map(({ html, failureSummary }) => `${html} ${failureSummary}`).join('\n')}`,
  );
}
