/**
 * Set-up before `npm start`, `npm test` and the others: installs what package-lock.json names, unless that is there already.
 *
 * It needs nothing but the machine's own Node (18 or later) and npm. A stamp in node_modules says for which lock file and which
 * platform it was filled, so that in an installed clone this costs milliseconds. A second set-up of the same clone waits for the first.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const modules = join(root, 'node_modules');
const stampFile = join(modules, '.tidegate-setup');
const lockFile = join(root, '.setup-lock');
/** The Node that npm's scripts find first. */
const nodeLink = join(modules, '.bin', 'node');
/** The first Node that runs TypeScript as it is. */
const NODE_OLDEST = [22, 18];
/** A set-up of another host (a shared folder) that is older than this has died, in milliseconds. */
const STALE_MS = 15 * 60_000;
const POLL_MS = 250;

class SetupError extends Error {}

const say = (text) => process.stderr.write(`set-up: ${text}\n`);
const sleep = (ms) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);

function readIfThere(file) {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return undefined;
    throw error;
  }
}

const platform = `${process.platform} ${process.arch}`;
const stamp = () => {
  const hash = createHash('sha256').update(readFileSync(join(root, 'package-lock.json')));
  return `${platform} ${hash.digest('hex')}\n`;
};
const nodeVersion = () => {
  const { status, stdout } = spawnSync(nodeLink, ['--version'], { encoding: 'utf8' });
  return status === 0 ? stdout.trim() : undefined;
};
const isInstalled = () => readIfThere(stampFile) === stamp() && nodeVersion() !== undefined;

/** Whether the set-up that wrote this lock is at work. */
function isAlive(lock) {
  const [pid, host, began] = lock.split(' ');
  if (Date.now() - Number(began) > STALE_MS) return false;
  if (host !== hostname()) return true;
  try {
    process.kill(Number(pid), 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

function acquireLock() {
  for (let waiting = false; ; sleep(POLL_MS)) {
    try {
      writeFileSync(lockFile, `${process.pid} ${hostname()} ${Date.now()}`, { flag: 'wx' });
      return;
    } catch (error) {
      if (error.code !== 'EEXIST') throw new SetupError(`${root} cannot be written (${error.message})`);
    }
    const lock = readIfThere(lockFile);
    // Empty: it is being written at this moment.
    if (lock && !isAlive(lock)) rmSync(lockFile, { force: true });
    else if (!waiting && lock) {
      waiting = true;
      say(`another one works in this clone (process ${lock.split(' ')[0]}); waiting for it`);
    }
  }
}

function npm(args) {
  // npm names the file that runs it; when something else runs this script, npm is looked for in PATH.
  const self = process.env.npm_execpath;
  const [command, ...first] = self && basename(self).startsWith('npm') ? [process.execPath, self] : ['npm'];
  const env = { ...process.env, NODE_ENV: 'development' };
  const { status, error } = spawnSync(command, [...first, ...args], { cwd: root, stdio: ['ignore', 2, 2], env });
  if (error?.code === 'ENOENT') throw new SetupError('npm is not in PATH; install Node with npm, or start this with npm');
  return status === 0;
}

function linkNode(target) {
  mkdirSync(join(modules, '.bin'), { recursive: true });
  rmSync(nodeLink, { force: true });
  symlinkSync(target, nodeLink);
}

/** Sees to it that node_modules/.bin/node runs. */
function provideNode() {
  const folder = join(modules, 'node');
  const installer = join(folder, 'installArchSpecificPackage.js');
  if (nodeVersion() === undefined && existsSync(installer)) {
    // The package `node` fetches the binary of this platform by a script, which npm may have been told not to run.
    spawnSync(process.execPath, [installer], { cwd: folder, stdio: ['ignore', 2, 2] });
    linkNode(join('..', 'node', 'bin', 'node'));
  }
  if (nodeVersion() !== undefined) return;
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major < NODE_OLDEST[0] || (major === NODE_OLDEST[0] && minor < NODE_OLDEST[1])) {
    const oldest = NODE_OLDEST.join('.');
    throw new SetupError(
      `the package "node" has no binary that runs on ${platform}, and this machine's Node is ${process.version}; ` +
        `install Node ${oldest} or later and try again`,
    );
  }
  // Alpine, and platforms that the package does not know: the machine's own Node will do.
  linkNode(process.execPath);
  say(`using this machine's own Node ${process.version}`);
}

function install() {
  if (nodeVersion() === undefined) {
    // None, or one of another platform, copied along: npm would take it for installed, and would run scripts with it.
    rmSync(nodeLink, { force: true });
    rmSync(join(modules, 'node'), { recursive: true, force: true });
  }
  say('installing what package-lock.json names (about 450 MB on disk, once)');
  const began = Date.now();
  rmSync(stampFile, { force: true });
  // Not `npm ci`: that would take away packages from under a service that runs from this clone. With --no-save, npm installs what
  // the lock file names, changes only what differs, and leaves the lock file as it is.
  const flags = ['--no-save', '--include=dev', '--engine-strict=false', '--prefer-offline', '--no-audit', '--no-fund'];
  if (!npm(['install', ...flags, '--loglevel=error'])) {
    throw new SetupError(
      'npm could not install the packages, for the reason above; the registry must be reachable the first time',
    );
  }
  provideNode();
  writeFileSync(stampFile, stamp());
  say(`done in ${Math.round((Date.now() - began) / 1000)} s, Node ${nodeVersion()}`);
}

function setUp() {
  if (isInstalled()) return;
  acquireLock();
  try {
    // Another set-up may have done it while this one waited.
    if (!isInstalled()) install();
  } finally {
    rmSync(lockFile, { force: true });
  }
}

try {
  setUp();
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  process.stderr.write(`set-up failed: ${error.message}\n`);
  process.exitCode = 1;
}
