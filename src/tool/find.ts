/** Where a tool is: in PATH, or where administrators' tools are, which the PATH of a service or of a plain user often lacks. */
import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, isAbsolute, join } from 'node:path';
import { Unavailable } from '../errors.ts';

const MORE_FOLDERS = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'];

/** The absolute path of a tool, given by its name or path; undefined when there is none that may be run. `folders` are looked into last. */
export function findTool(tool: string, folders: readonly string[] = []): string | undefined {
  if (isAbsolute(tool)) return runnable(tool) ? tool : undefined;
  const inPath = (process.env['PATH'] ?? '').split(delimiter).filter((folder) => isAbsolute(folder));
  return [...inPath, ...MORE_FOLDERS, ...folders].map((folder) => join(folder, tool)).find(runnable);
}

/** As `findTool`; throws `Unavailable` with what to do. `option` is what names the tool in the configuration. */
export function requireTool(tool: string, option: string, folders: readonly string[] = []): string {
  const found = findTool(tool, folders);
  if (found !== undefined) return found;
  const where = isAbsolute(tool) ? 'is not there, or may not be run' : 'is in no folder of PATH';
  throw new Unavailable(`${tool} ${where}: install it, or say with ${option} where it is`);
}

function runnable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
