/** `tidegate spool SINK export FILE`: everything that is spooled, or the dead letters, one JSON object a line. */
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { finished } from 'node:stream/promises';
import { describe, errno, UsageError } from '../errors.ts';
import type { Shelf, SpoolAccess } from '../spool/access.ts';
import { exported } from '../spool/item.ts';
import type { Context } from './context.ts';
import { Progress } from './progress.ts';

/** Exit code for an output that cannot be made, EX_CANTCREAT of sysexits.h. */
const EXIT_CANNOT_CREATE = 73;

export async function exportSpool(access: SpoolAccess, file: string, shelf: Shelf, context: Context): Promise<void> {
  const { out, err, paintErr } = context;
  const toFile = file !== '-';
  const stream: NodeJS.WritableStream = toFile ? createWriteStream(file, { flags: 'wx', mode: 0o640 }) : out;
  let [events, made] = [0, false];
  const progress = new Progress(context, () => `${events} events written`);
  try {
    if (toFile) await once(stream, 'open');
    made = toFile;
    const failed = toFile ? finished(stream) : undefined;
    failed?.catch(() => {});
    for await (const item of access.list({ shelf, events: true })) {
      if (!stream.write(exported(item))) await Promise.race([once(stream, 'drain'), failed].filter((wait) => wait !== undefined));
      events++;
      progress.show();
    }
    if (toFile) {
      stream.end();
      await failed;
    }
  } catch (error) {
    // Half an export looks like a whole one.
    if (made) await rm(file, { force: true });
    if (toFile && isOfFile(error, file)) throw cannotWrite(error, file);
    throw error;
  } finally {
    progress.end();
  }
  const what = shelf === 'dead' ? 'dead letters' : 'spooled events';
  err.write(`${paintErr.dim(`${events} ${what} written${toFile ? ` to ${file}` : ''}, ${access.from}`)}\n`);
}

const isOfFile = (error: unknown, file: string): boolean =>
  error instanceof Error &&
  (('path' in error && error.path === file) || ['ENOSPC', 'EDQUOT', 'EFBIG', 'EIO'].includes(errno(error) ?? ''));

function cannotWrite(error: unknown, file: string): UsageError {
  if (errno(error) === 'EEXIST')
    return new UsageError(`${file} is there already and is not overwritten; name another file`, EXIT_CANNOT_CREATE);
  return new UsageError(`${file} cannot be written: ${describe(error)}`, EXIT_CANNOT_CREATE);
}
