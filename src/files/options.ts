/** Options of the sensor `files`. */
import * as z from 'zod';
import { tables } from '../json/mapping-options.ts';
import { bytes, duration, globs, regex } from '../options.ts';

const absolute = () => z.string().regex(/^\/./, 'expected an absolute path, below the root');

export const tail = z
  .strictObject({
    path: absolute()
      .meta({ examples: ['/var/log/app.log'] })
      .describe('The file that grows, as a path.'),
    pattern: regex()
      .optional()
      .describe('Which lines are counted and taken; its named groups are the columns (default all lines).'),
    tables: tables
      .prefault({})
      .describe(
        'What to make of these lines: a mapping as of the sensor json, with a row for each line and /group for a group (default none).',
      ),
    from: z
      .enum(['end', 'start'])
      .prefault('end')
      .describe('Where to begin with a file that was never read before (default end).'),
    max_line: bytes({ min: 64, max: 2 ** 24 })
      .prefault('64KiB')
      .describe('Longer lines are left out and counted, in bytes (default 64KiB).'),
    max_read: bytes({ min: 65_536, max: 2 ** 28 })
      .prefault('8MiB')
      .describe('What is read at a sample; the rest waits for the next, in bytes (default 8MiB).'),
    max_rows: z.int().min(1).max(100_000).prefault(1000).describe('Rows of a table that are taken, as a number (default 1000).'),
  })
  .describe('A log that is followed, across rotation and restarts.');

export const options = z
  .strictObject({
    paths: z
      .array(absolute())
      .optional()
      .meta({ examples: [['/etc/passwd', '/etc/ssl/**/*.pem']] })
      .describe('Files, folders and patterns to watch; of a folder, the files in it (default none).'),
    recursive: z
      .boolean()
      .prefault(false)
      .describe('Whether folders that are given are watched with all below them (default false).'),
    exclude: globs()
      .optional()
      .describe('Paths to leave out, as patterns; * goes across slashes (default none).')
      .meta({ examples: [['*.swp', '*/.git/*']] }),
    events: z.boolean().prefault(true).describe('Whether each change is an event of its own, beside the counts (default true).'),
    max_events: z
      .int()
      .min(1)
      .max(10_000)
      .prefault(100)
      .describe('Changes of a sample that are events; those beyond it are only counted, as a number (default 100).'),
    checksum: z
      .enum(['none', 'sha256', 'sha512', 'sha1', 'md5'])
      .prefault('none')
      .describe('Checksum of a file that was created or modified (default none).'),
    checksum_max: bytes({ max: 2 ** 40 })
      .prefault('16MiB')
      .describe('Larger files have no checksum, in bytes (default 16MiB).'),
    max_files: z
      .int()
      .min(1)
      .max(10_000_000)
      .prefault(100_000)
      .describe('Files that are known at once; those beyond it are not seen, and that is said, as a number (default 100000).'),
    max_watches: z
      .int()
      .min(0)
      .max(1_000_000)
      .prefault(4096)
      .describe('Folders that the kernel watches; those beyond it are listed at each sample, as a number (default 4096).'),
    rescan: duration({ min: 100 })
      .prefault('10m')
      .describe(
        'How often everything is listed anew, for what the kernel did not tell: network filesystems, a queue that overran (default 10m).',
      ),
    tail: z
      .record(
        z
          .string()
          .regex(/^[a-z0-9_][a-z0-9_.-]*$/)
          .max(64),
        tail,
      )
      .prefault({})
      .meta({ examples: [{ app: { path: '/var/log/app.log', pattern: 'ERROR' } }] })
      .describe('Logs to follow: names with what to do (default none).'),
  })
  .superRefine(({ paths = [], tail: tails }, context) => {
    if (paths.length === 0 && Object.keys(tails).length === 0)
      context.addIssue({ code: 'custom', path: ['paths'], message: 'there is nothing to watch: give paths, or tail' });
    const types = Object.values(tails).flatMap((one) => Object.entries(one.tables).map(([name, { type = name }]) => type));
    const twice = types.find((type, i) => types.indexOf(type) !== i);
    if (twice !== undefined)
      context.addIssue({
        code: 'custom',
        path: ['tail'],
        message: `two tables are of the type ${twice}: give one of them another name`,
      });
  });

export type FilesOptions = z.output<typeof options>;
export type TailOptions = z.output<typeof tail>;
