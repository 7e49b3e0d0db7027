/** What an operator says of a sink to a file. */
import * as z from 'zod';
import { bytes, duration } from '../options.ts';

const rotate = z.strictObject({
  max_bytes: bytes()
    .prefault('64MiB')
    .describe(
      'A file that would grow beyond this becomes an old file first. A larger batch gets a file of its own. 0: no limit.',
    ),
  max_age: duration().prefault(0).describe('A file older than this becomes an old file at the next write. 0: no limit.'),
  keep: z.int().nonnegative().default(10).describe('Old files to keep; the oldest is deleted first.'),
  keep_bytes: bytes().prefault('1GiB').describe('The most that old files may take together; the oldest is deleted first.'),
});

export const options = z.strictObject({
  path: z
    .string()
    .min(1)
    .describe('The file. Relative to the working directory; missing folders are made.')
    .meta({ examples: ['events.ndjson'] }),
  format: z.enum(['ndjson', 'msgpack']).default('ndjson').describe('One JSON object a line, or a plain sequence of MessagePack.'),
  rotate: rotate
    .prefault({})
    .describe('When a file becomes an old file, `<name>-<UTC time><extension>`, and how long that is kept.'),
  compress: z.enum(['gzip', 'none']).default('gzip').describe('What is done with old files, in the background.'),
  fsync: z
    .enum(['never', 'interval', 'always'])
    .default('interval')
    .describe(
      'When the disk must have what was written: whenever the kernel likes, every `fsync_interval`, before a batch counts.',
    ),
  fsync_interval: duration({ min: 10, max: 3_600_000 })
    .prefault('5s')
    .describe('The most that a power cut can take, with `fsync: interval`; a killed process loses nothing.'),
  mode: z
    .string({ error: 'must be quoted octal digits, such as "0640"' })
    .regex(/^0?[0-7]{3}$/, 'must be quoted octal digits, such as "0640"')
    .default('0640')
    .describe('Permissions of files that are made, whatever the umask.'),
  min_free: bytes().prefault(0).describe('Nothing is written that would leave the filesystem with less free space than this.'),
});

export type FileOptions = z.output<typeof options>;
