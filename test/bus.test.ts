/** Every event to every subscriber, whatever the others do. */
import { expect, test, vi } from 'vitest';
import { Bus } from '../src/bus.ts';
import type { TideEvent } from '../src/event.ts';
import { eventOf } from './events.ts';

/** A bus on which nothing may go wrong. */
const soundBus = (): Bus =>
  new Bus((error) => {
    throw error;
  });

test('every event reaches every subscriber at once, in order', () => {
  const bus = soundBus();
  const [a, b]: TideEvent[][] = [[], []];
  bus.subscribe((event) => a?.push(event));
  bus.subscribe((event) => b?.push(event));
  const events = [eventOf(1), eventOf(2), eventOf(3)];
  for (const event of events) bus.publish(event);
  expect(a).toEqual(events);
  expect(b).toEqual(events);
  expect(a?.[0]).toBe(events[0]);
});

test('a subscriber that throws costs no other its event, and is told', () => {
  const told = vi.fn();
  const bus = new Bus(told);
  const got: number[] = [];
  const failure = new Error('no');
  bus.subscribe(({ n }) => got.push(n));
  bus.subscribe(() => {
    throw failure;
  });
  bus.subscribe(({ n }) => got.push(n));
  bus.publish(eventOf(1));
  bus.publish(eventOf(2));
  expect(got).toEqual([1, 1, 2, 2]);
  expect(told.mock.calls).toEqual([[failure], [failure]]);
});

test('a subscription ends when it is ended, alone, once', () => {
  const bus = soundBus();
  const got: string[] = [];
  const take = ({ n }: TideEvent): void => void got.push(`a${n}`);
  const endFirst = bus.subscribe(take);
  bus.subscribe(take);
  bus.publish(eventOf(1));
  endFirst();
  endFirst();
  bus.publish(eventOf(2));
  expect(got).toEqual(['a1', 'a1', 'a2']);
});

test('who leaves or comes while an event goes round spoils nothing', () => {
  const bus = soundBus();
  const got: string[] = [];
  const end = bus.subscribe(({ n }) => {
    got.push(`first ${n}`);
    end();
    bus.subscribe((event) => got.push(`new ${event.n}`));
  });
  bus.subscribe(({ n }) => got.push(`second ${n}`));
  bus.publish(eventOf(1));
  expect(got).toEqual(['first 1', 'second 1']);
  bus.publish(eventOf(2));
  expect(got.slice(2)).toEqual(['second 2', 'new 2']);
});

test('nobody has to listen', () => {
  expect(() => soundBus().publish(eventOf(1))).not.toThrow();
});
