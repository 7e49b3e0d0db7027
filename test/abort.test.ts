/** Waits that a signal ends. */
import { getEventListeners } from 'node:events';
import { expect, test } from 'vitest';
import { Waits } from '../src/abort.ts';

const outcome = (promise: Promise<unknown>): Promise<string> => promise.then(String, (error: Error) => `not: ${error.message}`);

test('a wait settles as what it waits for, and one listener serves them all', async () => {
  const { signal } = new AbortController();
  const waits = new Waits();
  for (let i = 0; i < 20; i++) expect(await outcome(waits.until(Promise.resolve(i), signal))).toBe(`${i}`);
  expect(await outcome(waits.until(Promise.reject(new Error('no')), signal))).toBe('not: no');
  expect(getEventListeners(signal, 'abort')).toHaveLength(1);
});

test('every wait on a signal ends when it aborts, later ones at once, and what is waited for settles unheard', async () => {
  const controller = new AbortController();
  const waits = new Waits();
  const { promise, reject } = Promise.withResolvers<void>();
  const open = [waits.until(promise, controller.signal), waits.until(promise, controller.signal)].map(outcome);
  controller.abort(new Error('late'));
  expect(await Promise.all(open)).toEqual(['not: late', 'not: late']);
  expect(await outcome(waits.until(Promise.resolve(1), controller.signal))).toBe('not: late');
  reject(new Error('nobody hears this'));
});

test('a wait ends with its own signal, also when another came after it', async () => {
  const [first, second] = [new AbortController(), new AbortController()];
  const waits = new Waits();
  const { promise, resolve } = Promise.withResolvers<string>();
  const [one, two] = [waits.until(promise, first.signal), waits.until(promise, second.signal)].map(outcome);
  first.abort(new Error('first'));
  expect(await one).toBe('not: first');
  resolve('done');
  expect(await two).toBe('done');
});
