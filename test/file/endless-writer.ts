/** A process to be killed: writes batches for ever, and prints after each how many events were delivered. */
import { writeSync } from 'node:fs';
import { diskEvents, patient } from '../sink-events.ts';
import { fileSinkOf } from './files.ts';

const sink = fileSinkOf({ path: process.argv[2], compress: 'none', rotate: { max_bytes: '200KiB', keep: 1000 } });
await sink.connect(patient());
for (let n = 0; ; n += 20) {
  await sink.write(diskEvents(20, n + 1), patient());
  writeSync(1, `${n + 20}\n`);
}
