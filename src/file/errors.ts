/** What a failed system call means for a file sink. */
import { describe, errno, SinkError } from '../errors.ts';

/** What trying again does not mend: somebody has to change the path, its permissions or the mount. Everything else may pass. */
const MISCONFIGURED: ReadonlySet<string> = new Set([
  'EACCES',
  'EPERM',
  'EISDIR',
  'ENOTDIR',
  'EROFS',
  'ELOOP',
  'ENAMETOOLONG',
  'ENXIO',
  'EINVAL',
]);

/** The error as an instruction that names the path. */
export function fileError(path: string, error: unknown): SinkError {
  if (error instanceof SinkError) return error;
  const code = MISCONFIGURED.has(errno(error) ?? '') ? 'misconfigured' : 'transient';
  return new SinkError(code, `cannot write ${path}: ${describe(error)}`, { cause: error });
}
