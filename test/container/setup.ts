/** What tests of the image share: the engine with the image in it, started once a file, and the service in a container. */
import { randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, vi } from 'vitest';
import { buildImage, IMAGE } from './build.ts';
import { Engine, NoEngine } from './engine.ts';

/** A condition that has not come true after this never will, in milliseconds. */
const UNTIL_MS = 60_000;
const LOCKED = ['--read-only', '--tmpfs=/tmp', '--cap-drop=ALL', '--security-opt=no-new-privileges'];

export let engine: Engine;
let missing = '';

/** Has an engine, made ready, for the tests of a file, which are skipped with the reason where it cannot be had. */
export function useEngine(prepare: (engine: Engine) => Promise<void>): void {
  beforeAll(async () => {
    try {
      engine = await Engine.open();
      await prepare(engine);
    } catch (error) {
      if (!(error instanceof NoEngine)) throw error;
      missing = error.message;
    }
  });
  afterAll(async () => await engine?.close());
  beforeEach((context) => {
    if (missing !== '') context.skip(missing);
  });
}

/** Has the image for the tests of a file, as `useEngine`; a container is gone with its test. */
export function useImage(): void {
  useEngine(buildImage);
  afterEach(async () => {
    if (missing !== '') return;
    const left = await engine.docker(['ps', '-aq']);
    if (left !== '') await engine.docker(['rm', '-f', ...left.split('\n')]);
  });
}

/** Waits until a condition holds, which is asked every so many milliseconds. */
export const until = async (
  what: string,
  holds: () => Promise<boolean>,
  { timeout = UNTIL_MS, interval = 100 } = {},
): Promise<void> => {
  await vi.waitFor(
    async () => {
      if (!(await holds())) throw new Error(`never ${what}`);
    },
    { timeout, interval },
  );
};

/** A configuration, readable by the container's user. */
function configure(yaml: string): string {
  const file = join(engine.folder, `${randomUUID()}.yaml`);
  writeFileSync(file, yaml, { mode: 0o644 });
  return `${file}:/etc/tidegate.yaml:ro`;
}

/** Starts the service; the container's name. */
export async function start(options: readonly string[], yaml: string): Promise<string> {
  const name = `t-${randomUUID()}`;
  const flags = [...LOCKED, '--network=host', '--health-interval=1s', ...options, '-v', configure(yaml)];
  await engine.docker(['run', '-d', '--name', name, ...flags, IMAGE, 'run', '-c', '/etc/tidegate.yaml']);
  await until('healthy', async () => (await engine.inspect<string>(name, '.State.Health.Status')) === 'healthy');
  return name;
}

/** Sends a signal; the exit status. */
export const stop = async (name: string, signal = 'SIGTERM'): Promise<number> => {
  await engine.docker(['kill', '-s', signal, name]);
  return Number(await engine.docker(['wait', name]));
};

/** Runs one command of the image to its end. */
export const tidegate = async (options: readonly string[], ...args: string[]): Promise<string> =>
  await engine.docker(['run', '--rm', ...LOCKED, ...options, IMAGE, ...args]);
