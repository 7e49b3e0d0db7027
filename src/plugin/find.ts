/**
 * Where plugins are. A path or the name of an installed package leads to a folder with `sensors/` and `sinks/`, of TypeScript or JavaScript
 * files, or to one file in a folder of such a name. A package may say in its package.json in which folder of its own these are:
 * `"tidegate": { "folder": "dist" }`.
 */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, dirname, extname, isAbsolute, join, resolve } from 'node:path';
import { describe, UsageError } from '../errors.ts';

const EXTENSIONS: ReadonlySet<string> = new Set(['.ts', '.mts', '.js', '.mjs']);
const NAME_PATTERN = /^[a-z0-9_][a-z0-9_.-]*$/;
/** What a worker of a plugin may have in memory where nobody says, in bytes. */
export const MEMORY_BYTES = 128 * 2 ** 20;
/** As many files of a folder are looked at to know whether it has changed. */
const FILES_MAX = 5000;

export type PluginKind = 'sensor' | 'sink';

/** One file that exports a sensor or a sink. */
export interface PluginFile {
  readonly kind: PluginKind;
  /** Of the file without its extension, and of what it exports. */
  readonly name: string;
  /** Absolute. */
  readonly file: string;
  /** What it may have in memory, in bytes. */
  readonly memoryBytes: number;
  /** Another one when a file of its folder has changed. */
  readonly version: string;
}

const FOLDERS: Readonly<Record<string, PluginKind>> = { sensors: 'sensor', sinks: 'sink' };

/** The plugins at a path, relative to `base`, or of a package that `base` can import. Throws `UsageError` when there is none. */
export function findPlugins(from: string, base: string, memoryBytes: number): PluginFile[] {
  const place = locate(from, base);
  if (statSync(place).isDirectory()) return inFolder(place, from, memoryBytes);
  const kind = FOLDERS[basename(dirname(place))];
  if (kind === undefined) throw new UsageError(`${place} is in a folder that is called neither sensors nor sinks; put it in one`);
  return [plugin(kind, place, dirname(dirname(place)), memoryBytes)];
}

function locate(from: string, base: string): string {
  const path = resolve(base, from);
  if (existsSync(path)) return path;
  const looksLikePath = isAbsolute(from) || from.startsWith('.') || EXTENSIONS.has(extname(from));
  if (looksLikePath) throw new UsageError(`there is no ${path}`);
  for (let folder = base; ; folder = dirname(folder)) {
    const installed = join(folder, 'node_modules', from);
    if (existsSync(join(installed, 'package.json'))) return installed;
    if (dirname(folder) === folder) break;
  }
  throw new UsageError(
    `there is no ${path}, and no package "${from}" is installed there; npm install it, or write the path of a folder`,
  );
}

function inFolder(folder: string, from: string, memoryBytes: number): PluginFile[] {
  const root = rootOf(folder);
  const version = versionOf(root);
  const found = Object.entries(FOLDERS).flatMap(([name, kind]) => {
    const inside = join(root, name);
    if (!existsSync(inside)) return [];
    return readdirSync(inside)
      .filter((file) => isPlugin(file) && statSync(join(inside, file)).isFile())
      .map((file) => plugin(kind, join(inside, file), root, memoryBytes, version));
  });
  if (found.length === 0)
    throw new UsageError(`${from} has no sensors/*.ts or sinks/*.ts (or .js); write one with: tidegate new sensor NAME`);
  return found;
}

const isPlugin = (file: string): boolean => EXTENSIONS.has(extname(file)) && !/\.d\.m?ts$|\.test\.|^\./.test(file);

function plugin(kind: PluginKind, file: string, root: string, memoryBytes: number, version = versionOf(root)): PluginFile {
  const name = basename(file, extname(file));
  if (!NAME_PATTERN.test(name))
    throw new UsageError(`${file}: "${name}" cannot be the name of a ${kind}; use a-z, 0-9, "_", "-" and "."`);
  return { kind, name, file, memoryBytes, version };
}

/** A package's folder, or what its package.json says. */
function rootOf(folder: string): string {
  const manifest = join(folder, 'package.json');
  if (!existsSync(manifest)) return folder;
  try {
    const { tidegate } = JSON.parse(readFileSync(manifest, 'utf8')) as { tidegate?: { folder?: unknown } };
    return typeof tidegate?.folder === 'string' ? resolve(folder, tidegate.folder) : folder;
  } catch (error) {
    throw new UsageError(`${manifest} cannot be read: ${describe(error)}`);
  }
}

/** Names, sizes and times of what is in a folder, as one short text. */
function versionOf(root: string): string {
  const hash = createHash('sha256');
  let files = 0;
  const walk = (folder: string): void => {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      if (entry.name === 'node_modules' || entry.name.startsWith('.') || files >= FILES_MAX) continue;
      const path = join(folder, entry.name);
      if (entry.isDirectory()) {
        walk(path);
      } else if (entry.isFile()) {
        files++;
        const { size, mtimeMs } = statSync(path);
        hash.update(`${path} ${size} ${mtimeMs}\n`);
      }
    }
  };
  walk(root);
  return hash.digest('base64url');
}
