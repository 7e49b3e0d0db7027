/** How an operator is told to call the command again. */
import { spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { commandFor } from '../../src/cli/context.ts';

const HOME = { HOME: '/root', XDG_STATE_HOME: '/root/state' };

test.each([
  ['/root/state/tidegate', HOME, 'tidegate'],
  ['/var/lib/tidegate', HOME, 'tidegate --state /var/lib/tidegate'],
  // Another shell has none of the service's environment.
  ['/var/lib/tidegate', { ...HOME, TIDEGATE_STATE: '/var/lib/tidegate' }, 'tidegate --state /var/lib/tidegate'],
  ['/root/state/tidegate', { ...HOME, npm_lifecycle_event: 'start' }, 'npm start --'],
])('of a service in %s', (state, env, expected) => {
  expect(commandFor(state, env)).toBe(expected);
});

test.each(['/with a blank', "/it's here", '/$HOME', '/a"b'])('a folder that a shell reads otherwise is quoted: %s', (state) => {
  const words = commandFor(state, HOME).replace('tidegate', `printf '%s\\n'`);
  expect(spawnSync('sh', ['-c', words], { encoding: 'utf8' }).stdout).toBe(`--state\n${state}\n`);
});
