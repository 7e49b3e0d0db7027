/** Options of the sensor `command`, and what is checked of them together. */
import * as z from 'zod';
import { type TableOptions, tables } from '../json/mapping-options.ts';
import { compilePath } from '../json/path.ts';
import { bytes, duration, regex } from '../options.ts';

const FORMATS = ['lines', 'json', 'json_lines', 'csv', 'pairs', 'nagios'] as const;
/** Those of which a whole table comes at once, so that a row is a record. */
export const ROWED: ReadonlySet<string> = new Set(['lines', 'json_lines', 'csv']);
/** What a stream cannot be cut into records of. */
const WHOLE: ReadonlySet<string> = new Set(['nagios']);
const STATUSES_OF_NAGIOS = [0, 1, 2, 3];

const person = (what: string) =>
  z
    .union([z.string().min(1), z.int().min(0)])
    .optional()
    .describe(`${what}, as a name of this machine's own or a number; only root may choose (default the service's own).`);

export const options = z
  .strictObject({
    command: z
      .union([z.string().min(1), z.array(z.string()).min(1)])
      .optional()
      .meta({ examples: [['/usr/local/bin/queue-depth', '--all']] })
      .describe('The program and its arguments, as a list; no shell sees them.'),
    shell: z
      .string()
      .min(1)
      .optional()
      .meta({ examples: ['df -P | tail -n +2'] })
      .describe('In place of command: a text for /bin/sh, with pipes and all that a shell makes of it (default none).'),
    mode: z
      .enum(['once', 'stream'])
      .prefault('once')
      .describe('Whether it runs at each sample, or all the time and is read line by line (default once).'),
    user: person('Whose rights it has'),
    group: person('Which group it is of'),
    folder: z.string().min(1).optional().describe("Where it runs (default the service's own)."),
    environment: z
      .array(z.string().regex(/^[^=\0]+$/, 'a name of a variable has no ='))
      .prefault(['PATH', 'HOME', 'LANG', 'TZ', 'TMPDIR'])
      .describe("Names of the service's own variables that it sees; all others are kept from it."),
    variables: z
      .record(z.string().regex(/^[^=\0]+$/, 'a name of a variable has no ='), z.string())
      .meta({ examples: [{ LC_ALL: 'C' }] })
      .prefault({ LC_ALL: 'C' })
      .describe('Variables that it sees beside those.'),
    format: z
      .enum(FORMATS)
      .prefault('lines')
      .describe(
        'What it prints: lines (that the pattern fits), json (one document; of a stream each line is one), json_lines, csv, pairs (key=value), ' +
          "nagios (a plugin's status and performance data) (default lines).",
      ),
    pattern: regex().optional().describe('Of lines: which are taken; its named groups are the columns (default all lines).'),
    separator: z
      .string()
      .min(1)
      .max(8)
      .optional()
      .describe(
        'Of csv: between columns; blanks stands for any number of them (default ","). Of pairs: after the key (default "=").',
      ),
    columns: z
      .array(z.string())
      .min(1)
      .optional()
      .describe('Of csv: names of the columns (default the first line, which is then no row).'),
    tables: tables
      .meta({ examples: [{ 'app.queue': { attributes: { queue: '/name' }, fields: { depth: '/depth' } } }] })
      .prefault({})
      .describe('What to make of the output: a mapping as of the sensor json, with /column for a column (default none).'),
    statuses: z
      .array(z.int().min(0).max(255))
      .optional()
      .describe('Exit statuses with which its output is taken, as numbers (default 0; of nagios 0 to 3).'),
    run_timeout: duration({ min: 10, max: 86_400_000 })
      .meta({ examples: ['1m'] })
      .optional()
      .describe(
        'How long a run may take before it is ended, as a duration; it may be longer than the interval (default so long that its end is told by the sample).',
      ),
    silence: duration({ min: 100 })
      .meta({ examples: ['1m'] })
      .optional()
      .describe('How long a stream may say nothing before it is taken to hang and begun anew, as a duration (default no limit).'),
    grace: duration({ max: 60_000 })
      .prefault('2s')
      .describe('Time between SIGTERM and SIGKILL to its process group, as a duration (default 2s).'),
    max_output: bytes({ min: 1024, max: 2 ** 28 })
      .prefault('1MiB')
      .describe('What a run may print before it is ended, or how long a line of a stream may be, in bytes (default 1MiB).'),
    max_rows: z
      .int()
      .min(1)
      .max(100_000)
      .prefault(10_000)
      .describe('Rows of a table that are taken, as a number (default 10000).'),
    records: z
      .enum(['last', 'all'])
      .prefault('last')
      .describe('Of a stream: whether the last record since the sample before is taken, or all (default last).'),
    key: z
      .array(z.string())
      .prefault([])
      .describe('Of a stream: columns that tell records apart; the last of each is taken (default none: one record).'),
    restart: z
      .strictObject({
        initial: duration({ min: 10, max: 3_600_000 })
          .prefault('1s')
          .describe('Delay after a stream has ended, as a duration (default 1s).'),
        max: duration({ min: 10, max: 86_400_000 })
          .prefault('1m')
          .describe(
            'What the delay, doubling each time, does not exceed; one that ran longer begins anew, as a duration (default 1m).',
          ),
      })
      .prefault({})
      .describe('When a stream that has ended is begun anew.'),
  })
  .superRefine((given, context) => {
    const wrong = (path: string, message: string): void => context.addIssue({ code: 'custom', path: [path], message });
    const { command, shell, format, mode } = given;
    if ((command === undefined) === (shell === undefined)) wrong('command', 'give either command, a list, or shell, a text');
    if (typeof command === 'string' && /\s/.test(command))
      wrong('command', `${JSON.stringify(command)} is one program with blanks in its name: write a list, or use shell`);
    if (mode === 'stream' && WHOLE.has(format)) wrong('format', `${format} is of a whole run: take mode: once`);
    if (given.pattern && format !== 'lines') wrong('pattern', 'a pattern is of lines: give format: lines');
    if (given.columns && format !== 'csv') wrong('columns', 'columns are those of csv: give format: csv');
    if (given.separator !== undefined && format !== 'csv' && format !== 'pairs')
      wrong('separator', 'a separator is of csv or pairs');
    if (Object.keys(given.tables).length === 0 && format !== 'lines' && format !== 'nagios')
      wrong('tables', 'there is nothing to make of the output: give tables');
    if (mode === 'once' && given.silence !== undefined) wrong('silence', 'a run has run_timeout; silence is of mode: stream');
    if (mode === 'stream' && given.run_timeout !== undefined)
      wrong('run_timeout', 'a stream has no end: what bounds it is silence');
    if (format === 'json' && (given.records === 'all' || given.key.length > 0))
      wrong('format', 'json is one document, of which the last is taken: for more of them give format: json_lines');
    if (given.records === 'all' && given.key.length > 0) wrong('key', 'with all records there is none to choose: leave out key');
  });

export type CommandOptions = z.output<typeof options>;

/** The program and its arguments. */
export const argumentsOf = ({ command, shell }: CommandOptions): readonly string[] =>
  shell === undefined ? [command ?? []].flat() : ['/bin/sh', '-c', shell];

export const statusesOf = ({ statuses, format }: CommandOptions): readonly number[] =>
  statuses ?? (format === 'nagios' ? STATUSES_OF_NAGIOS : [0]);

/** The mapping, in which a table of records has a row of each unless it says otherwise. */
export function tablesOf({ tables: given, format }: CommandOptions): Readonly<Record<string, TableOptions>> {
  if (!ROWED.has(format)) return given;
  const each = compilePath('');
  return Object.fromEntries(Object.entries(given).map(([name, table]) => [name, { ...table, rows: table.rows ?? each }]));
}
