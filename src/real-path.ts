import { realpathSync } from 'node:fs';
import { resolve } from 'node:path';

/** The one path of a file that may be reached by many. What is not there, and a pipe, has none but that it was asked for by. */
export function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return resolve(path);
  }
}
