/** A sample of a wrong shape does not compile. */
import { spawnSync } from 'node:child_process';
import { symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, expectTypeOf, test } from 'vitest';
import * as z from 'zod';
import { type AnyTable, type Cells, counter, defineSchema, gauge, type LabelMap, type Values } from '../src/event.ts';
import { defineSensor, type Sampler } from '../src/sensor.ts';
import { defineSink, type Sink } from '../src/sink.ts';
import { REPOSITORY, writeFiles } from './support.ts';
import { temporaryFolder } from './temporary.ts';

const disk = defineSchema({
  type: 'test.disk',
  doc: 'Two attributes, two fields.',
  attributes: ['device', 'direction'],
  fields: { io: counter('By', 'Bytes.'), operations: counter('{operation}', 'Requests.') },
});
const scraped = defineSchema({
  type: 'test.scraped',
  doc: 'A text and a map.',
  attributes: ['name', 'labels'],
  maps: ['labels'],
  fields: { value: gauge('1', 'The value.') },
});

/** Never called: tsc (`npm run check`) sees that each marked line is an error, and complains of a mark where there is none. */
export function wrong(labels: LabelMap): void {
  // @ts-expect-error a field is forgotten
  disk.table().add(['sda', 'read'], { io: 1 });
  // @ts-expect-error a field has another name
  disk.table().add(['sda', 'read'], { io: 1, operation: 2 });
  // @ts-expect-error a field that the schema does not have
  disk.table().add(['sda', 'read'], { io: 1, operations: 2, extra: 3 });
  // @ts-expect-error null is not how absent is said
  disk.table().add(['sda', 'read'], { io: 1, operations: null });
  // @ts-expect-error a text for a number
  disk.table().add(['sda', 'read'], { io: '1', operations: 2 });
  // @ts-expect-error too few attribute cells
  disk.table().add(['sda'], { io: 1, operations: 2 });
  // @ts-expect-error too many attribute cells
  disk.table().add(['sda', 'read', 'more'], { io: 1, operations: 2 });
  // @ts-expect-error a number for a text
  disk.table().add(['sda', 1], { io: 1, operations: 2 });
  // @ts-expect-error a map for a text
  disk.table().add(['sda', labels], { io: 1, operations: 2 });
  // @ts-expect-error a text for a map
  scraped.table().add(['up', 'job="node"'], { value: 1 });
  // @ts-expect-error a map attribute that is no attribute
  defineSchema({ type: 'a', doc: 'b', attributes: ['name'], maps: ['labels'], fields: {} });
  // @ts-expect-error a kind that there is not
  defineSchema({ type: 'a', doc: 'b', attributes: [], fields: { io: { kind: 'histogram', unit: '1', doc: 'c' } } });
}

describe('what is right compiles', () => {
  test('a row names every field, and undefined is absent', () => {
    expectTypeOf<Parameters<ReturnType<typeof disk.table>['add']>>().toEqualTypeOf<
      [Cells<readonly ['device', 'direction']>, Values<{ readonly io: typeof io; readonly operations: typeof io }>]
    >();
    expectTypeOf<Cells<readonly ['device', 'direction']>>().toEqualTypeOf<readonly [string, string]>();
    expectTypeOf<Cells<readonly ['name', 'labels'], 'labels'>>().toEqualTypeOf<readonly [string, LabelMap]>();
    expect(disk.table().add(['sda', 'read'], { io: 1, operations: undefined }).rows).toBe(1);
    expect(scraped.table().add(['up', { job: 'node' }], { value: 1 }).rows).toBe(1);
  });
  const io = counter('By', 'Bytes.');

  test('tables of any schema are what sample returns, now or later', () => {
    expectTypeOf<ReturnType<Sampler['sample']>>().toEqualTypeOf<readonly AnyTable[] | Promise<readonly AnyTable[]>>();
    expectTypeOf([disk.table(), scraped.table()]).toExtend<readonly AnyTable[]>();
    expectTypeOf<Sink['write']>().returns.toEqualTypeOf<Promise<void>>();
  });

  test('options are those of the schema', () => {
    const options = z.strictObject({ path: z.string() });
    defineSensor({
      name: 'a',
      summary: 'b',
      emits: [disk],
      options,
      open(_, given) {
        expectTypeOf(given).toEqualTypeOf<{ path: string }>();
        return { sample: () => [disk.table()] };
      },
    });
    expectTypeOf(defineSink<typeof options>)
      .parameter(0)
      .toHaveProperty('open');
  });
});

/** Sensors, each wrong in one way; what the compiler says of it. */
const WRONG: Record<string, [body: string, says: RegExp]> = {
  'a forgotten field': ["sample: () => [s.table().add(['a'], { x: 1 })]", /Property 'y' is missing/],
  'a wrong field name': ["sample: () => [s.table().add(['a'], { x: 1, z: 2 })]", /'z' does not exist/],
  'too few cells': ['sample: () => [s.table().add([], { x: 1, y: 2 })]', /Source has 0 element/],
  'too many cells': ["sample: () => [s.table().add(['a', 'b'], { x: 1, y: 2 })]", /Source has 2 element/],
  'a map for a text': ["sample: () => [s.table().add([{ a: 'b' }], { x: 1, y: 2 })]", /not assignable to type 'string'/],
  'a sample that returns no list': ['sample: () => s.table()', /not assignable to type/],
  'a sample that returns rows': ['sample: () => [{ x: 1, y: 2 }]', /'x' does not exist in type 'AnyTable'/],
  'a sample that returns nothing': ['sample: () => {}', /'void' is not assignable/],
  'a sample that promises a number': ['sample: async () => 42', /not assignable to type/],
  'no sample at all': ['close() {}', /Property 'sample' is missing/],
};
const RIGHT = "sample: async () => [s.table().add(['a'], { x: 1, y: undefined })]";

test('the compiler refuses a sensor of a wrong shape, and takes a right one', () => {
  const folder = temporaryFolder();
  // As in the repository: modules, its packages, its flags.
  for (const shared of ['src', 'node_modules']) symlinkSync(join(REPOSITORY, shared), join(folder, shared));
  const bodies = [...Object.values(WRONG).map(([body]) => body), RIGHT];
  writeFiles(folder, Object.fromEntries(bodies.map((body, i) => [`sensor-${i}.ts`, sensorSource(body)])));
  writeFiles(folder, {
    'package.json': '{ "type": "module" }',
    'tsconfig.json': JSON.stringify({
      extends: join(REPOSITORY, 'tsconfig.json'),
      compilerOptions: { noEmit: true, declaration: false, rootDir: '/' },
      include: ['*.ts'],
    }),
  });
  const compiler = join(REPOSITORY, 'node_modules/typescript/bin/tsc');
  const { stdout, error } = spawnSync(process.execPath, [compiler, '-p', folder, '--pretty', 'false'], {
    cwd: folder,
    encoding: 'utf8',
  });
  expect(error).toBeUndefined();
  const lines = stdout.split('\n').filter((line) => line !== '');
  // An explanation is indented below what it explains.
  const said = bodies.map(() => '');
  const elsewhere: string[] = [];
  for (let i = 0; i < lines.length; i++) {
    const [, sensor] = /^sensor-(\d+)\.ts\(/.exec(lines[i] as string) ?? [];
    let text = lines[i] as string;
    while (lines[i + 1]?.startsWith(' ')) text += `\n${lines[++i]}`;
    if (sensor === undefined) elsewhere.push(text);
    else said[Number(sensor)] += text;
  }
  Object.entries(WRONG).forEach(([name, [, says]], i) => expect(said[i], name).toMatch(says));
  expect([said.at(-1), ...elsewhere]).toEqual(['']);
});

const sensorSource = (body: string): string => `
import * as z from 'zod';
import { counter, defineSchema } from './src/event.ts';
import { defineSensor } from './src/sensor.ts';
const s = defineSchema({ type: 't', doc: 'd', attributes: ['a'], fields: { x: counter('By', 'X.'), y: counter('By', 'Y.') } });
export default defineSensor({ name: 'n', summary: 's', emits: [s], options: z.strictObject({}), open: () => ({ ${body} }) });
`;
