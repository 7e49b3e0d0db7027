/** A limit on how long anything may take, whatever it does instead of answering. */
import { expect, test, vi } from 'vitest';
import { DeadlineExceeded, withDeadline } from '../src/deadline.ts';
import { FakeClock } from './clock.ts';

/** A promise with its ends in hand. */
const later = <T>() => Promise.withResolvers<T>();

test('what answers in time is passed on, and leaves no timer behind', async () => {
  const clock = new FakeClock();
  const { promise, resolve } = later<string>();
  const result = withDeadline(clock, 100, 'it', () => promise);
  await clock.advance(99);
  resolve('answer');
  expect(await result).toBe('answer');
  expect(clock.timers).toBe(0);
});

test('a failure in time is passed on as it is', async () => {
  const clock = new FakeClock();
  const failure = new Error('no');
  await expect(withDeadline(clock, 100, 'it', () => Promise.reject(failure))).rejects.toBe(failure);
  expect(clock.timers).toBe(0);
});

test('a throw is a failure like any other', async () => {
  const clock = new FakeClock();
  const failure = new Error('thrown');
  const result = withDeadline(clock, 100, 'it', () => {
    throw failure;
  });
  await expect(result).rejects.toBe(failure);
  expect(clock.timers).toBe(0);
});

test('what hangs is given up at the deadline, is told so by the signal, and the message says what and how long', async () => {
  const clock = new FakeClock();
  let signal: AbortSignal | undefined;
  const result = withDeadline(clock, 100, 'a write', (given) => {
    signal = given;
    return new Promise<void>(() => {});
  });
  const failed = expect(result).rejects.toThrow(new DeadlineExceeded('a write took longer than 100 ms'));
  await clock.advance(99);
  expect(signal?.aborted).toBe(false);
  await clock.advance(1);
  await failed;
  expect(signal?.reason).toBeInstanceOf(DeadlineExceeded);
});

test('a late success is told to late, once, and to nobody else', async () => {
  const clock = new FakeClock();
  const late = vi.fn();
  const { promise, resolve } = later<string>();
  const result = withDeadline(clock, 100, 'it', () => promise, late);
  const failed = expect(result).rejects.toBeInstanceOf(DeadlineExceeded);
  await clock.advance(100);
  await failed;
  resolve('late');
  await clock.advance(1000);
  expect(late).toHaveBeenCalledTimes(1);
  expect(clock.timers).toBe(0);
});

test('a late failure is no answer: work that heeds the signal is not late', async () => {
  const clock = new FakeClock();
  const late = vi.fn();
  const work = (signal: AbortSignal) =>
    new Promise<void>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)));
  const failed = expect(withDeadline(clock, 100, 'it', work, late)).rejects.toBeInstanceOf(DeadlineExceeded);
  await clock.advance(1000);
  await failed;
  expect(late).not.toHaveBeenCalled();
});

test('what answers twice has answered once', async () => {
  const clock = new FakeClock();
  const late = vi.fn();
  const thenable = {
    // biome-ignore lint/suspicious/noThenProperty: a promise of another make may call back more than once.
    then(resolve: (value: number) => void, reject: (error: Error) => void) {
      resolve(1);
      resolve(2);
      reject(new Error('and fails'));
    },
  };
  expect(await withDeadline(clock, 100, 'it', () => thenable as unknown as Promise<number>, late)).toBe(1);
  await clock.advance(1000);
  expect(late).not.toHaveBeenCalled();
});

test('an answer at the very moment of the deadline is one or the other, and not both', async () => {
  const clock = new FakeClock();
  const { promise, resolve } = later<string>();
  const ends: string[] = [];
  clock.after(100, () => resolve('answer'));
  await clock.advance(0);
  void withDeadline(
    clock,
    100,
    'it',
    () => promise,
    () => ends.push('late'),
  ).then(
    () => ends.push('answer'),
    () => ends.push('deadline'),
  );
  await clock.advance(1000);
  expect(ends).toEqual(['answer']);
});
