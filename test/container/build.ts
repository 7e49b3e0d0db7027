/**
 * The image, built as an operator builds it: `docker build` of this repository. Its two base images come from no registry. One has the
 * C library, a shell and what they need from Debian's packages, unpacked as they are; the other has Node and npm beside them.
 */
import { copyFileSync, cpSync, existsSync, mkdirSync, readdirSync, realpathSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { execute } from '../brokers/owned.ts';
import { has } from '../packages.ts';
import { REPOSITORY } from '../support.ts';
import { type Engine, NoEngine } from './engine.ts';

export const IMAGE = 'tidegate-test/tidegate';
export const BASE = 'tidegate-test/base';
export const NODE = 'tidegate-test/node';
/** The packages; apt finds what they need. */
const PACKAGES = ['dash', 'coreutils', 'findutils', 'libstdc++6', 'tini'];
/** Folders that are links into `usr`. */
const MERGED = ['bin', 'sbin', 'lib', 'lib64'];
/** Where other releases of Debian than this machine's are, and what their packages are signed with. */
const DEBIAN = 'deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian';
const LEFT_OUT = ['doc', 'man', 'locale', 'info'].map((name) => `--exclude=./usr/share/${name}/*`);
/** How long the packages may take, and the build, which fetches what package-lock.json names, in milliseconds. */
const PACKAGES_MS = 120_000;
const BUILD_MS = 240_000;

/** Builds the base images and the image. Throws `NoEngine` where Debian's packages or npm cannot be had. */
export async function buildImage(engine: Engine): Promise<void> {
  await importBases(engine);
  const bases = [`NODE_IMAGE=${NODE}`, `BASE=${BASE}`].flatMap((one) => ['--build-arg', one]);
  await build(engine, [...bases, '-t', IMAGE]);
}

/** Builds the Dockerfile, or a stage of it. The network is the host's, for what package-lock.json names. */
export async function build(engine: Engine, flags: readonly string[]): Promise<void> {
  await engine.docker(['build', '-q', '--network=host', ...flags, REPOSITORY], BUILD_MS);
}

/** Another release of Debian, and packages that are left out of it though others ask for them. */
interface Release {
  readonly name: string;
  readonly without: readonly string[];
}

/** Makes an image of packages of another release, with its own C library; where it lies unpacked. */
export async function importRelease(
  engine: Engine,
  image: string,
  release: Release,
  packages: readonly string[],
): Promise<string> {
  const root = join(engine.folder, release.name);
  await unpack(root, packages, release);
  await importFolder(engine, root, image, []);
  return root;
}

/** Makes the base images; where the first of them lies unpacked. Throws `NoEngine` where it cannot. */
export async function importBases(engine: Engine): Promise<string> {
  const base = join(engine.folder, 'base');
  try {
    await unpack(base, PACKAGES);
  } catch (error) {
    throw new NoEngine(`the base image cannot be made: ${(error as Error).message}`, { cause: error });
  }
  await importFolder(engine, base, BASE, []);
  provideNode(base);
  const env = ['HOME=/root', 'PATH=/usr/local/bin:/usr/bin:/bin', ...trust(base)];
  await importFolder(engine, base, NODE, env);
  return base;
}

async function unpack(root: string, packages: readonly string[], release?: Release): Promise<void> {
  if (!(await has('apt-get', '--version'))) throw new Error('this system has no apt-get');
  const archives = `${root}-archives`;
  mkdirSync(join(archives, 'partial'), { recursive: true });
  // As if nothing were installed, so that all that they need is fetched.
  writeFileSync(`${root}-status`, (release?.without ?? []).map(installed).join(''));
  const lists = release ? listsOf(root, release) : [];
  const flags = ['-y', '-q', '--download-only', '--no-install-recommends'];
  const places = [...lists, `Dir::State::status=${root}-status`, `Dir::Cache::archives=${archives}`, 'Debug::NoLocking=1'];
  const options = { deadlineMs: PACKAGES_MS, env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C.UTF-8' } };
  const set = (values: readonly string[]): string[] => values.flatMap((one) => ['-o', one]);
  const update = async (): Promise<string> =>
    await execute('apt-get', ['update', '-q', ...set(['DPkg::Lock::Timeout=60', ...lists])], options);
  const fetch = async (): Promise<string> =>
    await execute('apt-get', ['install', ...flags, ...set(places), ...packages], options);
  if (release) await update();
  // The lists of a machine may name versions that are no longer there.
  await fetch().catch(async () => {
    await update();
    await fetch();
  });
  for (const name of ['tmp', 'root', 'etc', ...MERGED.map((one) => join('usr', one))])
    mkdirSync(join(root, name), { recursive: true });
  for (const name of MERGED) symlinkSync(join('usr', name), join(root, name));
  const extract = 'dpkg-deb --fsys-tarfile "$1" | tar -x --keep-directory-symlink -C "$2"';
  for (const archive of readdirSync(archives).filter((name) => name.endsWith('.deb')))
    await execute('sh', ['-c', [extract, ...LEFT_OUT].join(' '), 'sh', join(archives, archive), root], options);
  if (!existsSync(join(root, 'usr/bin/sh'))) symlinkSync('dash', join(root, 'usr/bin/sh'));
}

/** What says of a package that it is installed. */
const installed = (name: string): string =>
  `Package: ${name}\nStatus: install ok installed\nArchitecture: all\nMulti-Arch: allowed\nVersion: 99:0\n\n`;

/** Lists of a release's own, so that those of this machine stay as they are. */
function listsOf(root: string, { name }: Release): string[] {
  mkdirSync(join(`${root}-lists`, 'partial'), { recursive: true });
  writeFileSync(`${root}-sources`, `${DEBIAN} ${name} main\n`);
  return [
    `Dir::Etc::SourceList=${root}-sources`,
    'Dir::Etc::SourceParts=/dev/null',
    `Dir::State::Lists=${root}-lists`,
    'Dir::Cache::pkgcache=',
    'Dir::Cache::srcpkgcache=',
    'Acquire::Languages=none',
  ];
}

async function importFolder(engine: Engine, folder: string, name: string, env: readonly string[]): Promise<void> {
  const archive = `${folder}.tar`;
  await execute('tar', ['-c', '--numeric-owner', '-C', folder, '-f', archive, '.'], { deadlineMs: PACKAGES_MS });
  await engine.docker(['import', ...env.flatMap((one) => ['-c', `ENV ${one}`]), archive, name], PACKAGES_MS);
}

/** The Node of these tests and the npm of this machine. */
function provideNode(root: string): void {
  const local = join(root, 'usr/local');
  mkdirSync(join(local, 'bin'), { recursive: true });
  copyFileSync(process.execPath, join(local, 'bin/node'));
  const folders = (process.env['PATH'] ?? '').split(':');
  const npm = folders.map((folder) => join(folder, 'npm')).find((path) => existsSync(path));
  if (npm === undefined) throw new NoEngine('npm is in no folder of PATH');
  // PATH has a link to npm/bin/npm-cli.js.
  cpSync(dirname(dirname(realpathSync(npm))), join(local, 'lib/npm'), { recursive: true });
  symlinkSync('../lib/npm/bin/npm-cli.js', join(local, 'bin/npm'));
}

/** Where this machine trusts authorities beside Node's own, as one behind a proxy does, the build must too. */
function trust(root: string): string[] {
  const certificates = process.env['NODE_EXTRA_CA_CERTS'];
  if (!certificates || !existsSync(certificates)) return [];
  copyFileSync(certificates, join(root, 'etc/authorities.pem'));
  return ['NODE_EXTRA_CA_CERTS=/etc/authorities.pem'];
}
