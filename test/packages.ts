/**
 * Packages of the system that tests need and a machine may lack, installed when they are first needed: on Debian and its relatives, as
 * root. One installation at a time, over all processes of this user.
 */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { execute, ownedPath } from './brokers/owned.ts';

/** What is fetched or made once and kept. */
export const CACHE = join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'tidegate-test');
/** While this file is there and answers 101, packages start no service. */
const NO_SERVICES = '/usr/sbin/policy-rc.d';
/** How long one step of an installation may take, in milliseconds. */
export const STEP_MS = 8 * 60_000;
const POLL_MS = 250;

type Say = (text: string) => void;

/** Whether a command is there and succeeds. */
export async function has(command: string, ...args: string[]): Promise<boolean> {
  return await execute(command, args, { deadlineMs: 30_000 }).then(
    () => true,
    () => false,
  );
}

/** Installs packages of the system. Fails with what one may do instead. */
export async function installPackages(packages: readonly string[], say: Say): Promise<void> {
  const names = packages.join(' and ');
  if (process.platform !== 'linux' || !(await has('apt-get', '--version'))) {
    throw new Error(`${names} is not installed, and this system has no apt-get to install it`);
  }
  if (process.getuid?.() !== 0) {
    throw new Error(`${names} is not installed, and only root may install it (apt-get install ${packages.join(' ')})`);
  }
  say(`installing ${names} with apt-get (once)`);
  const began = performance.now();
  const options = { deadlineMs: STEP_MS, env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C.UTF-8' } };
  // The tests start servers of their own: a service of the system is not wanted, and would take the usual ports.
  const policy = existsSync(NO_SERVICES) ? undefined : ownedPath(NO_SERVICES);
  if (policy) writeFileSync(NO_SERVICES, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  try {
    const quiet = ['-q', '-o', 'DPkg::Lock::Timeout=300'];
    await execute('apt-get', ['update', ...quiet], options);
    await execute('apt-get', ['install', '-y', '--no-install-recommends', ...quiet, ...packages], options);
  } catch (error) {
    throw new Error(`${names} could not be installed: ${(error as Error).message}`, { cause: error });
  } finally {
    policy?.remove();
  }
  say(`installed ${names} in ${seconds(began)}`);
}

/** Runs one installation at a time, over all processes of this user. A lock whose process is gone counts for nothing. */
export async function alone<T>(work: () => Promise<T>, say: Say): Promise<T> {
  const lock = join(CACHE, 'lock');
  try {
    mkdirSync(CACHE, { recursive: true });
  } catch (error) {
    throw new Error(`${CACHE} cannot be made: ${(error as Error).message}`, { cause: error });
  }
  for (let waiting = false; !tryLock(lock); await sleep(POLL_MS)) {
    if (!waiting) say(`waiting for another installation (${lock})`);
    waiting = true;
  }
  try {
    return await work();
  } finally {
    rmSync(lock, { force: true });
  }
}

function tryLock(lock: string): boolean {
  try {
    writeFileSync(lock, String(process.pid), { flag: 'wx' });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  const holder = existsSync(lock) ? readFileSync(lock, 'utf8') : '';
  // Empty: it is being written at this moment.
  if (holder !== '' && !existsAs(Number(holder))) rmSync(lock, { force: true });
  return false;
}

function existsAs(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Since a moment of `performance.now()`, for people. */
export const seconds = (began: number): string => `${Math.round((performance.now() - began) / 1000)} s`;
