import { expect, test } from 'vitest';
import { nearest } from '../src/nearest.ts';

const NAMES = ['interval', 'timeout', 'labels', 'max_events', 'max_bytes', 'memory', 'cpu', 'disk', 'all', 'one'];

test.each([
  ['intervall', 'interval'],
  ['Interval', 'interval'],
  ['time_out', 'timeout'],
  ['maxEvents', 'max_events'],
  ['max-byte', 'max_bytes'],
  ['mem', 'memory'],
  ['lable', 'labels'],
  ['cpus', 'cpu'],
  ['dsk', 'disk'],
  ['al', 'all'],
])('%s is probably %s', (wrong, right) => {
  expect(nearest(wrong, NAMES)).toBe(right);
});

test.each(['frobnicate', 'x', '', 'gpu7', 'zzz'])('%j is like none', (wrong) => {
  expect(nearest(wrong, NAMES)).toBeUndefined();
});

test('of two the nearer counts', () => {
  expect(nearest('max_evnts', NAMES)).toBe('max_events');
  expect(nearest('abcd', ['abxy', 'abcx'])).toBe('abcx');
  expect(nearest('a', [])).toBeUndefined();
});
