// The floor: what Node pays to read, and not to parse, the same files once a second and to append one line.
// node floor.mjs LIST OUT [open]   LIST holds a path a line; with `open` each file stays open, and one read of it is made into one buffer: the
// least that anyone pays who wants to know what is in them.
import { appendFileSync, openSync, readFileSync, readSync } from 'node:fs';

const BUFFER = Buffer.alloc(2 ** 20);
const [list, out, keep] = process.argv.slice(2);
const paths = readFileSync(list, 'utf8').trim().split('\n');
function readOne(path) {
  try {
    return readFileSync(path, 'latin1').length;
  } catch {
    // A process that ended since the list was made, or a file that is not ours to read.
    return 0;
  }
}

function openOne(path) {
  try {
    return [openSync(path, 'r')];
  } catch {
    return [];
  }
}

function readAgain(fd) {
  try {
    return readSync(fd, BUFFER, 0, BUFFER.length, 0);
  } catch {
    return 0;
  }
}

const files = keep === 'open' ? paths.flatMap(openOne) : paths;
const read = keep === 'open' ? readAgain : readOne;

function round() {
  let bytes = 0;
  for (const file of files) bytes += read(file);
  appendFileSync(out, `${Date.now()} ${bytes}\n`);
}

round();
setInterval(round, 1000);
