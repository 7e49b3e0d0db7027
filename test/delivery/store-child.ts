/**
 * Processes for the store's tests. `write FOLDER` writes batches for ever and prints after each how many keys there are; `open FOLDER`
 * prints how opening went; `full FOLDER` fills a small disk and prints what came of it; `memory FOLDER` reads much and prints its memory.
 */
import { readFileSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { openLevelStore } from '../../src/delivery/level-store.ts';
import { StoreError } from '../../src/delivery/store.ts';
import { del, numbers, put, range, upTo } from './disk-keys.ts';

const [what, folder] = process.argv.slice(2) as [string, string];
const bodyOf = (n: number): Buffer => Buffer.from(`${n} `.repeat(1000 / (`${n}`.length + 1)));

async function writeForEver(): Promise<never> {
  const { store } = await openLevelStore(folder, { minFree: 0 });
  for (let n = 0; ; n += 20) {
    await store.write(
      upTo(n, n + 20).map((i) => put(i, bodyOf(i))),
      n % 200 === 0,
    );
    writeSync(1, `${n + 20}\n`);
  }
}

async function tryToOpen(): Promise<void> {
  try {
    const { store } = await openLevelStore(folder, { minFree: 0 });
    await store.close();
    console.log('opened');
  } catch (error) {
    console.log(error instanceof StoreError ? `${error.code}: ${error.message}` : String(error));
  }
}

/** Values that no disk compresses, so that the disk is full at a foreseeable moment. */
function noise(n: number): Buffer {
  const bytes = Buffer.alloc(1000);
  for (let i = 0, state = n + 1; i < bytes.length; i++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    bytes[i] = state >>> 24;
  }
  return bytes;
}

async function fill(): Promise<void> {
  const remarks: string[] = [];
  const onRemark = (remark: string): void => void remarks.push(remark);
  const options = { minFree: 0, ballast: 4 << 20, onRemark };
  let { store } = await openLevelStore(folder, options);
  // Another program's file takes what the spool was told to leave: the store's own look at the free space is a second old.
  let [written, failures] = [0, 0];
  const codes = new Set<string>();
  while (failures < 5 && written < 60_000) {
    try {
      await store.write(
        upTo(written, written + 50).map((n) => put(n, noise(n))),
        written % 1000 === 0,
      );
      written += 50;
      if (written === 8000) writeFileSync(join(folder, '..', 'hog'), Buffer.alloc(1));
      if (written > 8000) grow();
    } catch (error) {
      codes.add(error instanceof StoreError ? error.code : String(error));
      failures++;
    }
  }
  const kept = (await numbers(store, 0, 1e6)).length === written;
  await store.write(upTo(0, written - 100).map(del), true);
  await store.compact(range(0, written));
  const deleted = (await numbers(store, 0, 1e6)).length === 100;
  rmSync(join(folder, '..', 'hog'));
  await store.write([put(written, noise(written))], true);
  await store.close();
  ({ store } = await openLevelStore(folder, options));
  const after = await numbers(store, 0, 1e6);
  const whole = JSON.stringify(after) === JSON.stringify(upTo(written - 100, written + 1));
  await store.close();
  console.log(JSON.stringify({ codes: [...codes], enough: written > 8000, kept, deleted, whole, remarks }));
}

/** Takes room as another program would, until there is none. */
function grow(): void {
  try {
    writeFileSync(join(folder, '..', 'hog'), Buffer.alloc(40_000), { flag: 'a' });
  } catch {
    // That was the last of it.
  }
}

async function readMuch(): Promise<void> {
  const { store } = await openLevelStore(folder, { minFree: 0 });
  for (let n = 0; n < 40_000; n += 200)
    await store.write(
      upTo(n, n + 200).map((i) => put(i, bodyOf(i))),
      false,
    );
  const anonymous = (): number => Number(/RssAnon:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]) / 1024;
  const read = async (rounds: number): Promise<void> => {
    for (let n = 0; n < rounds * 40; n++) await store.read(range((n % 40) * 1000, (n % 40) * 1000 + 900), 1000, 1 << 20);
  };
  await read(1);
  const before = anonymous();
  await read(10);
  console.log(anonymous() - before);
  await store.close();
}

if (what === 'write') await writeForEver();
if (what === 'open') await tryToOpen();
if (what === 'full') await fill();
if (what === 'memory') await readMuch();
