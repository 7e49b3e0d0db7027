/** Options of the sensor `json`, and the mapping that they and a preset make together. */
import * as z from 'zod';
import { clientOptions, serverUrl } from '../http-client/options.ts';
import { duration } from '../options.ts';
import { type RequestOptions, requests, type TableOptions, tables } from './mapping-options.ts';
import { PRESET_NAMES, PRESETS } from './presets/index.ts';

export const options = z
  .strictObject({
    preset: z.enum(PRESET_NAMES).optional().describe('A mapping that comes with tidegate (default none).'),
    url: serverUrl()
      .meta({ examples: ['http://127.0.0.1:8080'] })
      .describe('Where to ask, as a URL; paths of requests are appended to it.'),
    requests: requests
      .meta({ examples: [{ health: { path: '/health' } }] })
      .prefault({})
      .describe('What to ask: names with paths or calls; the answer is then an object of all (default the URL itself).'),
    tables: tables
      .meta({ examples: [{ 'app.queue': { rows: '/queues', attributes: { queue: '@key' }, fields: { depth: '/depth' } } }] })
      .prefault({})
      .describe('What to make of the answer: types of events with what is in them (default none beside those of the preset).'),
    batch: z.boolean().prefault(true).describe('Whether calls of JSON-RPC go out as one request (default true).'),
    request_timeout: duration({ min: 10, max: 3_600_000 })
      .prefault('5s')
      .describe('How long a request may take, as a duration, and no longer than nine tenths of what a sample may (default 5s).'),
    max_rows: z
      .int()
      .min(1)
      .max(100_000)
      .prefault(10_000)
      .describe('Rows of a table that are taken, as a number (default 10000).'),
    ...clientOptions,
  })
  .superRefine((given, context) => {
    const wrong = (path: string, message: string): void => context.addIssue({ code: 'custom', path: [path], message });
    if (given.preset === undefined && Object.keys(given.tables).length === 0)
      wrong('tables', 'there is nothing to make of the answer: give tables, or a preset');
    if (given.basic !== undefined && given.bearer !== undefined) wrong('bearer', 'give basic or bearer, not both');
    for (const [name, { rpc, path, body, method, params }] of Object.entries(given.requests)) {
      if (rpc !== undefined && (path !== '' || body !== undefined || method !== undefined))
        wrong('requests', `${name}: a call (rpc) goes to the URL itself, and has params in place of path, body and method`);
      if (rpc === undefined && params !== undefined) wrong('requests', `${name}: params are those of a call: give rpc`);
      if (method === 'GET' && body !== undefined) wrong('requests', `${name}: a GET has no body`);
    }
  });

export type JsonOptions = z.output<typeof options>;

export interface WholeMapping {
  readonly requests: Readonly<Record<string, RequestOptions>>;
  readonly tables: Readonly<Record<string, TableOptions>>;
}

/** A preset's mapping, parsed. */
export function presetMapping(name: string): WholeMapping {
  const preset = PRESETS.find((one) => one.name === name);
  return { requests: requests.parse(preset?.requests ?? {}), tables: tables.parse(preset?.tables ?? {}) };
}

/** What is asked and made: the preset's, and beside it or in its place what the operator wrote. */
export function mappingOf({ preset, requests: asked, tables: made }: JsonOptions): WholeMapping {
  if (preset === undefined) return { requests: asked, tables: made };
  const base = presetMapping(preset);
  return { requests: { ...base.requests, ...asked }, tables: { ...base.tables, ...made } };
}
