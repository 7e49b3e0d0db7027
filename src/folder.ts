/** Folders that may have to be made. */
import { mkdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { errno } from './errors.ts';

/** Makes a folder with its parents. `recursive` of Node never ends below a folder that takes no folders, such as /proc. */
export async function makeFolder(folder: string, mode: number): Promise<void> {
  const make = async (): Promise<void> => {
    await mkdir(folder, mode).catch(async (error: unknown) => {
      if (!(await stat(folder).catch(() => undefined))?.isDirectory()) throw error;
    });
  };
  try {
    await make();
  } catch (error) {
    if (errno(error) !== 'ENOENT' || dirname(folder) === folder) throw error;
    await makeFolder(dirname(folder), mode);
    await make();
  }
}
