/** Numbers of the command line. */
import { UsageError } from '../../errors.ts';

/** EX_USAGE of sysexits.h. */
const EXIT_USAGE = 64;

/** A whole number from 1 on; undefined where none is given. Throws `UsageError` that names the option. */
export function countOf(text: string | undefined, option = '--count'): number | undefined {
  if (text === undefined) return undefined;
  if (!/^[1-9]\d{0,14}$/.test(text)) throw new UsageError(`${option} ${text}: expected a whole number from 1 on`, EXIT_USAGE);
  return Number(text);
}
