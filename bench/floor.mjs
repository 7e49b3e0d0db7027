// The floor: what Node pays to read, and not to parse, the same files once a second and to append one line.
// node floor.mjs LIST OUT   LIST holds a path a line
import { appendFileSync, readFileSync } from 'node:fs';

const [list, out] = process.argv.slice(2);
const paths = readFileSync(list, 'utf8').trim().split('\n');
function readOne(path) {
  try {
    return readFileSync(path, 'latin1').length;
  } catch {
    // A process that ended since the list was made, or a file that is not ours to read.
    return 0;
  }
}

function round() {
  let bytes = 0;
  for (const path of paths) bytes += readOne(path);
  appendFileSync(out, `${Date.now()} ${bytes}\n`);
}

round();
setInterval(round, 1000);
