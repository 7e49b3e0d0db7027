/** Fills a small filesystem with events and prints, as JSON, what came of it. */

import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import type { SinkError } from '../../src/errors.ts';
import { decoded, diskEvents, patient } from '../sink-events.ts';
import { eventsIn, fileSinkOf } from './files.ts';

const [folder, format] = process.argv.slice(2) as [string, string];
const path = join(folder, `events.${format}`);
const ballast = join(folder, 'ballast');
writeFileSync(ballast, Buffer.alloc(400_000));

const warnings: string[] = [];
const sink = fileSinkOf({ path, format }, { warnings });
await sink.connect(patient());
let [n, before] = [0, Buffer.alloc(0)];
let failure: SinkError | undefined;
while (!failure) {
  before = readFileSync(path);
  try {
    await sink.write(diskEvents(100, n + 1), patient());
    n += 100;
  } catch (error) {
    failure = error as SinkError;
  }
}
const sameBytes = readFileSync(path).equals(before);
const onlyWhole = isDeepStrictEqual(eventsIn(path), decoded(diskEvents(n)));
rmSync(ballast);
await sink.write(diskEvents(100, n + 1), patient());
await sink.close();
const all = isDeepStrictEqual(eventsIn(path), decoded(diskEvents(n + 100)));
const after = all ? 'every event once, in order' : 'something else';
console.log(JSON.stringify({ code: failure.code, message: failure.message, sameBytes, onlyWhole, after, warnings }));
