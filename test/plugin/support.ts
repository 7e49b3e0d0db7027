/** A folder of plugins that misbehave when they are asked to. */
import { join } from 'node:path';
import type { PluginFile } from '../../src/plugin/find.ts';
import { findPlugins } from '../../src/plugin/find.ts';
import { writeFiles } from '../support.ts';
import { temporaryFolder } from '../temporary.ts';

const TIDE = `
import { defineSchema, defineSensor, duration, gauge, secret, z } from 'tidegate/sensor';
const tide = defineSchema({ type: 'own.tide', doc: 'Tide.', attributes: ['place'], fields: { level: gauge('m', 'Level.'), lag: gauge('s', 'Lag.') } });
const more = defineSchema({ type: 'own.more', doc: 'More.', attributes: [], fields: { n: gauge('1', 'N.') } });
const other = defineSchema({ type: 'own.other', doc: 'Other.', attributes: [], fields: { n: gauge('1', 'N.') } });
const options = z.strictObject({
  place: z.string().min(1).default('harbour').describe('Where.'),
  lag: duration().prefault('10s').describe('Lag.'),
  even: z.int().refine((n) => n % 2 === 0, 'expected an even number; try 2').default(2),
  token: secret().optional(),
  more: z.boolean().default(false),
  what: z.enum(['ok', 'loop', 'crash', 'buffers', 'heap', 'exit', 'flood', 'other', 'once']).default('ok').describe('How it fails.'),
});
export default defineSensor({
  name: 'tide', summary: 'The tide.', emits: [tide], options,
  emitsFor: ({ more: wanted }) => (wanted ? [more] : []),
  open(host, { place, lag, what, more: wanted }, context) {
    const file = host.proc('loadavg');
    let n = 0;
    return {
      async sample(_signal, time) {
        const kept = context.state.load() ?? 0;
        n++;
        if (what === 'loop') for (;;) new Array(100);
        if (what === 'crash') setImmediate(() => { throw new Error('boom'); });
        if (what === 'exit') process.exit(3);
        const all = [];
        if (what === 'buffers') for (;;) all.push(Buffer.alloc(1e6, 1));
        if (what === 'heap') for (;;) all.push({ a: new Array(100).fill(1.5) });
        if (what === 'crash') await new Promise(() => {});
        if (what === 'flood') for (let i = 0; i < 1000; i++) console.log('line', i);
        if (what === 'once' && kept === 0) { await context.state.save(1); process.exit(4); }
        if (what === 'other') return [other.table().add([], { n: 1 })];
        file.read();
        const table = tide.table().add([place], { level: n, lag: lag / 1000 });
        table.add(['none'], { level: undefined, lag: time });
        return wanted ? [table, more.table().add([], { n })] : [table];
      },
      close: () => file.close(),
    };
  },
});
`;

const SHORE = `
import { appendFileSync } from 'node:fs';
import { defineSink, JsonEncoder, SinkError, z } from 'tidegate/sink';
export default defineSink({
  name: 'shore', summary: 'Lines on the shore.',
  options: z.strictObject({ path: z.string().describe('The file.'), what: z.string().default('ok') }),
  open(context, { path, what }) {
    const encoder = new JsonEncoder();
    return {
      async connect() {},
      async write(batch) {
        if (what === 'loop') for (;;) new Array(100);
        if (what === 'reject') throw new SinkError('rejected', 'too salty', { confirmed: new Set([0]) });
        appendFileSync(path, batch.map((event) => encoder.encode(event) + '\\n').join(''));
      },
      async close() {},
    };
  },
});
`;

export interface Plugins {
  readonly folder: string;
  readonly sensor: PluginFile;
  readonly sink: PluginFile;
}

export function plugins(more: Record<string, string> = {}): Plugins {
  const folder = temporaryFolder();
  writeFiles(folder, { 'sensors/tide.ts': TIDE, 'sinks/shore.ts': SHORE, ...more });
  const files = findPlugins('.', folder, 128 * 2 ** 20);
  const of = (kind: string, name: string): PluginFile =>
    files.find((file) => file.kind === kind && file.file.startsWith(join(folder, `${kind}s`, name))) as PluginFile;
  return { folder, sensor: of('sensor', 'tide'), sink: of('sink', 'shore') };
}
