/** Which sinks have a spool in a folder for state. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { errno } from '../errors.ts';

/** The folder of a sink's spool: by its name, never by its options. */
export const spoolFolder = (stateDir: string, sink: string): string => join(stateDir, 'spool', sink);

/** Names of the sinks that have one, in their order. */
export async function spoolNames(stateDir: string): Promise<string[]> {
  try {
    const entries = await readdir(join(stateDir, 'spool'), { withFileTypes: true });
    return entries
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => name)
      .toSorted();
  } catch (error) {
    if (errno(error) === 'ENOENT') return [];
    throw error;
  }
}
