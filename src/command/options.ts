/** Options of the sensor `command`, and what is checked of them together. */
import * as z from 'zod';
import { type TableOptions, tables } from '../json/mapping-options.ts';
import { compilePath } from '../json/path.ts';
import { bytes, duration, regex } from '../options.ts';

const FORMATS = ['lines', 'json', 'json_lines', 'csv', 'pairs', 'nagios', 'json_objects', 'prometheus'] as const;
/** Those of which a whole table comes at once, so that a row is a record. */
export const ROWED: ReadonlySet<string> = new Set(['lines', 'json_lines', 'csv', 'json_objects', 'prometheus']);
/** What a stream cannot be cut into records of. */
const WHOLE: ReadonlySet<string> = new Set(['nagios', 'prometheus']);
const STATUSES_OF_NAGIOS = [0, 1, 2, 3];

const person = (what: string) =>
  z
    .union([z.string().min(1), z.int().min(0)])
    .optional()
    .describe(`${what}, as a name of this machine's own or a number; only root may choose (default the service's own).`);

const all = z.strictObject({
  command: z
    .union([z.string().min(1), z.array(z.string()).min(1)])
    .meta({ examples: [['/usr/local/bin/queue-depth', '--all']] })
    .describe('The program and its arguments, as a list; no shell sees them.'),
  shell: z
    .boolean()
    .prefault(false)
    .describe('Whether command is a text for /bin/sh, with pipes and all that a shell makes of it (default false).'),
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
    .record(z.string().regex(/^[^=\0]+$/, 'a name of a variable has no ='), z.string().meta({ secret: true }))
    .meta({ examples: [{ LC_ALL: 'C' }] })
    .prefault({ LC_ALL: 'C' })
    .describe('Variables that it sees beside those; their values are never shown.'),
  format: z
    .enum(FORMATS)
    .prefault('lines')
    .describe(
      'What it prints: lines (that the pattern fits), json (one document; of a stream each line is one), json_lines, csv, pairs (key=value), ' +
        "nagios (a plugin's status and performance data), json_objects (objects over any number of lines, or in an array that need not end), " +
        'prometheus (Prometheus text or OpenMetrics) (default lines).',
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
  max_rows: z.int().min(1).max(100_000).prefault(10_000).describe('Rows of a table that are taken, as a number (default 10000).'),
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
});

type Given = z.output<typeof all>;
/** An option and what is wrong with it. */
type Wrong = readonly [path: keyof Given, message: string];

function* wrongCommand({ command, shell }: Given): Generator<Wrong> {
  if (shell && typeof command !== 'string') yield ['command', 'a shell takes one text: write a text, or leave out shell'];
  if (!shell && typeof command === 'string' && /\s/.test(command))
    yield ['command', `${JSON.stringify(command)} is one program with blanks in its name: write a list, or shell: true`];
}

function* wrongFormat({ format, pattern, columns, separator, tables: made }: Given): Generator<Wrong> {
  if (pattern && format !== 'lines') yield ['pattern', 'a pattern is of lines: give format: lines'];
  if (columns && format !== 'csv') yield ['columns', 'columns are those of csv: give format: csv'];
  if (separator !== undefined && format !== 'csv' && format !== 'pairs') yield ['separator', 'a separator is of csv or pairs'];
  if (Object.keys(made).length === 0 && format !== 'lines' && !WHOLE.has(format))
    yield ['tables', 'there is nothing to make of the output: give tables'];
}

function* wrongMode({ mode, format, silence, run_timeout, records, key }: Given): Generator<Wrong> {
  if (mode === 'stream' && WHOLE.has(format)) yield ['format', `${format} is of a whole run: take mode: once`];
  if (mode === 'once' && silence !== undefined) yield ['silence', 'a run has run_timeout; silence is of mode: stream'];
  if (mode === 'stream' && run_timeout !== undefined) yield ['run_timeout', 'a stream has no end: what bounds it is silence'];
  if (format === 'json' && (records === 'all' || key.length > 0))
    yield [
      'format',
      'json is one document, of which the last is taken: for more of them give format: json_lines or json_objects',
    ];
  if (records === 'all' && key.length > 0) yield ['key', 'with all records there is none to choose: leave out key'];
}

export const options = all.superRefine((given, context) => {
  for (const [path, message] of [...wrongCommand(given), ...wrongFormat(given), ...wrongMode(given)])
    context.addIssue({ code: 'custom', path: [path], message });
});

export type CommandOptions = z.output<typeof options>;

/** The program and its arguments. */
export const argumentsOf = ({ command, shell }: CommandOptions): readonly string[] =>
  shell ? ['/bin/sh', '-c', command as string] : [command].flat();

export const statusesOf = ({ statuses, format }: CommandOptions): readonly number[] =>
  statuses ?? (format === 'nagios' ? STATUSES_OF_NAGIOS : [0]);

/** The mapping, in which a table of records has a row of each unless it says otherwise. */
export function tablesOf({ tables: given, format }: CommandOptions): Readonly<Record<string, TableOptions>> {
  if (!ROWED.has(format)) return given;
  const each = compilePath('');
  return Object.fromEntries(Object.entries(given).map(([name, table]) => [name, { ...table, rows: table.rows ?? each }]));
}
