/** What `tidegate new` writes: files by their path in the folder of plugins. */

const CAPITAL = /(?:^|_)([a-z0-9])/g;

/** `sea_level` as an identifier: `seaLevel`. */
const identifier = (name: string): string => {
  const camel = name.replace(CAPITAL, (_all, letter: string) => letter.toUpperCase());
  const first = camel.charAt(0).toLowerCase() + camel.slice(1);
  return /^\d/.test(first) ? `own${camel}` : first;
};

/** Files that every folder has once. */
const SHARED: Readonly<Record<string, string>> = {
  'package.json': '{\n  "private": true,\n  "type": "module",\n  "scripts": { "test": "node --test" }\n}\n',
};

export function sensorFiles(name: string): Record<string, string> {
  return {
    ...SHARED,
    [`sensors/${name}.ts`]: sensorSource(name),
    [`fixtures/${name}/host.json`]: '{ "name": "machine", "statfs": {} }\n',
    [`fixtures/${name}/proc/loadavg`]: '0.25 0.50 1.00 2/345 6789\n',
    [`test/${name}.test.ts`]: sensorTest(name),
  };
}

export function sinkFiles(name: string): Record<string, string> {
  return {
    ...SHARED,
    [`sinks/${name}.ts`]: sinkSource(name),
    [`fixtures/${name}/expected.txt`]: 'tide harbour 1.5\ntide pier 2\n',
    [`test/${name}.test.ts`]: sinkTest(name),
  };
}

const sensorSource = (
  name: string,
): string => `/** How many processes there are, from <proc>/loadavg. https://man7.org/linux/man-pages/man5/proc_loadavg.5.html */
import { defineSchema, defineSensor, gauge, Malformed, Unavailable, z } from 'tidegate/sensor';

const ${identifier(name)} = defineSchema({
  type: 'own.${name}',
  doc: 'Processes and threads, by whether they want to run.',
  attributes: ['state'],
  fields: { count: gauge('{process}', 'How many there are.') },
});

export default defineSensor({
  name: '${name}',
  summary: 'How many processes there are, from /proc/loadavg.',
  emits: [${identifier(name)}],
  options: z.strictObject({
    all: z.boolean().default(true).describe('Whether those that sleep are counted too (default true).'),
  }),
  open(host, { all }) {
    const file = host.proc('loadavg');
    if (!host.exists(file.path)) throw new Unavailable(\`\${file.path} is not there\`);
    return {
      sample() {
        const text = file.read().toString();
        const [, running, total] = /(\\d+)\\/(\\d+)/.exec(text) ?? [];
        if (total === undefined) throw new Malformed('it has no count of processes', file.path, 1, text);
        const table = ${identifier(name)}.table().add(['running'], { count: Number(running) });
        if (all) table.add(['all'], { count: Number(total) });
        return [table];
      },
      close: () => file.close(),
    };
  },
});
`;

const sensorTest = (name: string): string => `import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sample } from 'tidegate/testing';
import ${identifier(name)} from '../sensors/${name}.ts';

const host = new URL('../fixtures/${name}', import.meta.url);

test('${name} counts processes', async () => {
  assert.deepEqual(await sample(${identifier(name)}, { host }), [
    { type: 'own.${name}', rows: [{ state: 'running', count: 2 }, { state: 'all', count: 345 }] },
  ]);
});

test('${name} leaves out those that sleep', async () => {
  const [table] = await sample(${identifier(name)}, { host, options: { all: false } });
  assert.deepEqual(table?.rows, [{ state: 'running', count: 2 }]);
});
`;

const sinkSource = (
  name: string,
): string => `/** Appends a line to a file for every number: the type, the attributes, the number. */
import { appendFile, open } from 'node:fs/promises';
import { defineSink, SinkError, type TideEvent, z } from 'tidegate/sink';

export default defineSink({
  name: '${name}',
  summary: 'Appends a line for every number to a file.',
  options: z.strictObject({
    path: z.string().min(1).describe('The file, as an absolute path.'),
  }),
  open(_context, { path }) {
    return {
      async connect() {
        try {
          await (await open(path, 'a')).close();
        } catch (error) {
          throw new SinkError('misconfigured', \`\${path} cannot be written\`, { cause: error });
        }
      },
      // Resolves once the destination is responsible for the whole batch; what it throws says whether that is tried again.
      async write(batch, signal) {
        signal.throwIfAborted();
        await appendFile(path, batch.flatMap(linesOf).join(''));
      },
      async close() {},
    };
  },
});

function linesOf({ table: { schema, layout, values, absent } }: TideEvent): string[] {
  const lines: string[] = [];
  for (let at = 0; at < values.length; at++) {
    if (absent?.[at]) continue;
    const cells = layout.attributes.map((column) => column[at % layout.rows]);
    lines.push(\`\${[schema.type, ...cells, values[at]].join(' ')}\\n\`);
  }
  return lines;
}
`;

const sinkTest = (name: string): string => `import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { defineSchema, gauge } from 'tidegate/sensor';
import { deliver, events } from 'tidegate/testing';
import ${identifier(name)} from '../sinks/${name}.ts';

const tide = defineSchema({ type: 'tide', doc: 'Water.', attributes: ['place'], fields: { level: gauge('m', 'Level.') } });

test('${name} writes a line for every number', async () => {
  const path = join(mkdtempSync(join(tmpdir(), '${name}-')), 'out.txt');
  const table = tide.table().add(['harbour'], { level: 1.5 }).add(['pier'], { level: 2 });
  await deliver(${identifier(name)}, events([table]), { options: { path } });
  assert.equal(readFileSync(path, 'utf8'), readFileSync(new URL('../fixtures/${name}/expected.txt', import.meta.url), 'utf8'));
});

test('${name} says that a file it cannot write is a matter of configuration', async () => {
  const table = tide.table().add(['harbour'], { level: 1.5 });
  await assert.rejects(deliver(${identifier(name)}, events([table]), { options: { path: '/proc/none' } }), { code: 'misconfigured' });
});
`;
