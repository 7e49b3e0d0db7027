/**
 * Set-up before `npm start`, `npm test` and the others: installs what package-lock.json says, unless it is installed already.
 *
 * Runs on the machine's own Node, 18 or later, and needs nothing else. A stamp in node_modules says for which lock file and which platform it
 * was installed, so that an installed clone costs a few milliseconds.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmdirSync, statSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const modules = `${root}node_modules`;
const stampFile = `${modules}/.tidegate-setup`;
const lock = `${root}.setup-lock`;
/** Another set-up that is older than this has died, in milliseconds. */
const STALE_MS = 15 * 60_000;

const stamp = () =>
  createHash('sha256')
    .update(readFileSync(`${root}package-lock.json`))
    .update(`${process.platform} ${process.arch}`)
    .digest('hex');

const nodeBinary = `${modules}/node/bin/node${process.platform === 'win32' ? '.exe' : ''}`;
const installed = () => existsSync(stampFile) && readFileSync(stampFile, 'utf8') === stamp() && existsSync(nodeBinary);

class SetupError extends Error {}

function fail(message) {
  throw new SetupError(message);
}

/** Only one set-up works on a clone; a second one waits for it. */
function acquire() {
  for (;;) {
    try {
      mkdirSync(lock);
      return;
    } catch (error) {
      if (error.code !== 'EEXIST') fail(`${root} cannot be written: ${error.message}`);
      const age = Date.now() - (statSync(lock, { throwIfNoEntry: false })?.mtimeMs ?? Date.now());
      if (age > STALE_MS) rmdirSync(lock);
      else Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200);
    }
  }
}

function npm(args) {
  // npm sets this to the script that is running it; a bare `npm` is the fallback when this file is run by hand.
  const script = process.env.npm_execpath;
  const command = script ? [process.execPath, script] : ['npm'];
  // Whatever the machine omits by default, the development dependencies hold Node itself.
  const env = { ...process.env, NODE_ENV: 'development' };
  return spawnSync(command[0], [...command.slice(1), ...args], { cwd: root, stdio: ['ignore', 2, 2], env }).status;
}

function install() {
  process.stderr.write('installing what package-lock.json names; this happens once\n');
  const began = Date.now();
  if (npm(['ci', '--include=dev', '--no-audit', '--no-fund', '--loglevel=error']) !== 0) {
    fail('npm ci did not succeed; its reason is above. Without a network nothing can be installed; with one, try again.');
  }
  if (!existsSync(nodeBinary)) {
    // The package `node` fetches the binary for this platform in a script, which npm may have been told not to run.
    spawnSync(process.execPath, [`${modules}/node/installArchSpecificPackage.js`], {
      cwd: `${modules}/node`,
      stdio: ['ignore', 2, 2],
    });
  }
  if (!existsSync(nodeBinary))
    fail(`${nodeBinary} is missing: npm may not run install scripts here. Allow them for the package "node".`);
  writeFileSync(stampFile, stamp());
  process.stderr.write(`installed in ${Math.round((Date.now() - began) / 1000)} s\n`);
}

function setUp() {
  if (installed()) return;
  acquire();
  try {
    // Another set-up may have done it while this one waited.
    if (!installed()) install();
  } finally {
    rmdirSync(lock);
  }
}

try {
  setUp();
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  process.stderr.write(`set-up failed: ${error.message}\n`);
  process.exitCode = 1;
}
