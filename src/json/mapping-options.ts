/** How a mapping is written: what to ask, and which tables to make of the answers. The shipped mappings are written the same way. */
import * as z from 'zod';
import { describe } from '../errors.ts';
import { compilePath, type Path } from './path.ts';
import { CONVERSIONS } from './value.ts';

/** Names of types, fields and attributes: words of small letters, digits and `_`, with dots between them. */
const NAME = /^[a-z][a-z0-9_]*(\.[a-z0-9_]+)*$/;
const NAME_MAX = 128;
const name = (what: string) =>
  z.string().max(NAME_MAX).regex(NAME, `${what} is words of a-z, 0-9 and "_", with dots between them`);

/** A path, compiled. */
const path = (): z.ZodType<Path, string> =>
  z.string().transform((text, context) => {
    try {
      return compilePath(text);
    } catch (error) {
      context.addIssue({ code: 'custom', message: describe(error) });
      return z.NEVER;
    }
  });

const PATHS = 'a JSON Pointer (/a/b), a JSONPath ($.a.b), one of these from the answer (^/a), or @key';

export const request = z.strictObject({
  path: z.string().prefault('').describe('What to append to the URL, as a path, perhaps with a query (default nothing).'),
  method: z.enum(['GET', 'POST']).optional().describe('How to ask (default POST with a body or rpc, else GET).'),
  body: z.unknown().optional().describe('What to send, as JSON (default nothing).'),
  rpc: z.string().min(1).optional().describe('Method of JSON-RPC 2.0 to call at the URL (default none).'),
  params: z
    .union([z.array(z.unknown()), z.record(z.string(), z.unknown())])
    .optional()
    .describe('Parameters of that method, as a list or a mapping (default none).'),
  statuses: z
    .array(z.int().min(100).max(599))
    .optional()
    .describe('HTTP statuses whose answer is taken, as numbers (default those from 200 to 299).'),
  optional: z.boolean().prefault(false).describe('Whether a failure is no news: not everyone has it (default false).'),
});

const field = z.strictObject({
  path: z
    .union([path(), z.array(path()).min(1)])
    .describe(`Where the value is: ${PATHS}. Of a list, the first that leads to something.`),
  as: z
    .enum(CONVERSIONS)
    .prefault('number')
    .describe(
      'What it is: number (also "12", "0x1a"), hex ("1a"), boolean, truth (0 for false, 0 and "", else 1), count (of members), duration ' +
        '("1m30s", "PT5M", or a number), time (RFC 3339 or Unix, as Unix time), age (seconds since that) (default number).',
    ),
  scale: z
    .number()
    .positive()
    .prefault(1)
    .describe("What one of it is worth in the field's unit, in seconds for durations and moments, as a number (default 1)."),
  unit: z.string().max(32).optional().describe('Unit, UCUM (default s for duration, time and age, else 1).'),
  kind: z.enum(['gauge', 'counter', 'updowncounter']).prefault('gauge').describe('How it adds up over time (default gauge).'),
  doc: z.string().prefault('').describe('What it is, in a sentence (default nothing).'),
  minus: path().optional().describe('What to subtract, read in the same way; absent makes the field absent (default nothing).'),
  cases: z
    .record(z.string(), z.number())
    .prefault({})
    .describe('Values, as JSON or as the text they are, that stand for a number as they are (default none).'),
  combine: z
    .enum(['first', 'count', 'sum', 'min', 'max'])
    .prefault('first')
    .describe('What becomes of the values of a JSONPath that leads to many (default first).'),
});

const short = <T extends z.ZodObject>(whole: T, what: string) =>
  z.union([path().transform((at): z.output<T> => ({ ...whole.parse({ path: '' }), path: at })), whole], {
    error: `expected a path, or ${what}`,
  });

const attribute = z.strictObject({
  path: path().describe(`Where the text is: ${PATHS}.`),
  default: z.string().prefault('').describe('What stands where it is not (default an empty text).'),
});

const states = z.strictObject({
  path: path().describe(`Where the state is: ${PATHS}.`),
  attribute: name('the name of an attribute').describe('Attribute that has the name of the state.'),
  values: z.array(z.string().min(1)).min(1).max(64).describe('Names of all states; there is a row for each.'),
  field: name('the name of a field')
    .prefault('active')
    .describe('Field that is 1 for the state it is in and 0 for others (default active).'),
  doc: z.string().prefault('').describe('What it is, in a sentence (default nothing).'),
});

/** Types that say something else already. */
const RESERVED = /^(json|command|files|tidegate)(\.|$)/;

const typeName = () =>
  name('the type of a table').refine(
    (text) => !RESERVED.test(text),
    'types of json.*, command.*, files.* and tidegate.* are taken',
  );

export const table = z
  .strictObject({
    type: typeName().optional().describe("Type of its events (default the table's name)."),
    doc: z.string().prefault('').describe('What the table is, in a sentence (default nothing).'),
    rows: path()
      .optional()
      .describe('List or object to make a row of each member of, as a path; a JSONPath gives the members (default one row).'),
    attributes: z
      .record(name('the name of an attribute'), short(attribute, '{ path: …, default: … }'))
      .prefault({})
      .describe('What tells the rows apart: names of attributes with paths of texts (default none).'),
    fields: z
      .record(name('the name of a field'), short(field, '{ path: …, as: …, unit: … }'))
      .prefault({})
      .describe('Numbers: names of fields with paths (default none).'),
    states: states.optional().describe('A text that is one of several, as a row with 0 or 1 for each of them (default none).'),
  })
  .superRefine(({ fields, states: text }, context) => {
    const none = Object.keys(fields).length === 0;
    if (none && !text) context.addIssue({ code: 'custom', message: 'a table needs fields, or states' });
    if (!none && text) context.addIssue({ code: 'custom', message: 'a table has fields or states: make two of it' });
  });

export const requests = z.record(
  z
    .string()
    .max(NAME_MAX)
    .regex(/^[a-z][a-z0-9_]*$/, 'the name of a request is a word of a-z, 0-9 and "_"'),
  request,
);
export const tables = z.record(typeName(), table);

export type RequestOptions = z.output<typeof request>;
export type FieldOptions = z.output<typeof field>;
export type TableOptions = z.output<typeof table>;

/** A shipped mapping, as an operator would write it. */
export interface PresetMapping {
  readonly name: string;
  /** One sentence: which software, and what of its interface. */
  readonly summary: string;
  readonly requests: z.input<typeof requests>;
  readonly tables: z.input<typeof tables>;
}
