/** The only block of a spool, of which LevelDB cannot find the last part: going to the last key ends the process, so nobody may. */
import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { dataOf } from '../../src/delivery/level/folder.ts';
import { openLevelStore } from '../../src/delivery/level-store.ts';
import { temporaryFolder } from '../temporary.ts';
import { numbers, put, upTo } from './disk-keys.ts';

const OPTIONS = { minFree: 0, ballast: 0 };
const COUNT = 40;

/** A store whose one block holds many small entries and a large one, and says of its last restart point that it is far away. */
async function damaged(): Promise<string> {
  const folder = temporaryFolder();
  const { store } = await openLevelStore(folder, OPTIONS);
  const large = put(COUNT, randomBytes(20_000));
  await store.write([...upTo(0, COUNT).map((n) => put(n, randomBytes(50))), large], true);
  await store.compact({ from: Buffer.from('a'), to: Buffer.from('zz') });
  await store.close();
  const data = dataOf(folder);
  const [table] = readdirSync(data).filter((name) => name.endsWith('.ldb'));
  const file = join(data, table as string);
  const bytes = readFileSync(file);
  // Three restart points, one for each 16 entries, and their number.
  const isRestarts = (at: number): boolean => {
    const [first, second, third, count] = [0, 4, 8, 12].map((more) => bytes.readUInt32LE(at + more)) as [
      number,
      number,
      number,
      number,
    ];
    return count === 3 && first === 0 && second > 0 && second < third && third < at;
  };
  const at = upTo(20_000, bytes.length - 16).find(isRestarts) as number;
  bytes.writeUInt32LE(0x7fffffff, at + 8);
  writeFileSync(file, bytes);
  return folder;
}

it.each([
  ['as found', false],
  ['and written to', true],
])('is read as far as it goes, %s', async (_how, written) => {
  const { store } = await openLevelStore(await damaged(), OPTIONS);
  if (written) await store.write([put(1000, 'r')], true);
  const found = await numbers(store, 0, 1000, 500, 20_000);
  expect(found.length).toBeGreaterThanOrEqual(COUNT - 16);
  expect(found).toEqual(upTo(0, found.length));
  await store.close();
});
