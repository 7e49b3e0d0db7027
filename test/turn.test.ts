/** What several sensors want of the machine at one moment is read once, and nothing is kept longer. */
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { Host } from '../src/host.ts';
import { writeFiles } from './support.ts';
import { temporaryFolder } from './temporary.ts';

test('a file of a host is read once in a turn of the event loop, for all who ask', async () => {
  const folder = temporaryFolder();
  const write = (text: string): void => writeFiles(folder, { 'proc/stat': text });
  const host = new Host({ proc: join(folder, 'proc') });
  const [one, other] = [host.proc('stat'), host.proc('stat')];
  write('first\n');
  expect(one.read().toString()).toBe('first\n');
  write('the second\n');
  expect(other.read()).toBe(one.read());
  expect(other.read().toString()).toBe('first\n');
  await Promise.resolve();
  expect(other.read().toString()).toBe('the second\n');
  expect(one.read().toString()).toBe('the second\n');
  // What failed is tried again.
  const missing = [host.proc('gone'), host.proc('gone')];
  expect(missing[0]?.maybe()).toBeUndefined();
  writeFiles(folder, { 'proc/gone': 'back\n' });
  expect(missing[1]?.maybe()?.toString()).toBe('back\n');
  for (const file of [one, other, ...missing]) file.close();
});
