/** Output that other programs define: Prometheus text, and JSON objects over many lines. */
import { describe, expect, test } from 'vitest';
import { rowsOf } from '../support.ts';
import { command, errorOf, runOf } from './setup.ts';

const NODE = process.execPath;
const echo = (text: string): string[] => ['printf', '%s', text];

describe('output is read', () => {
  test('as Prometheus text, each series a row, and its labels columns of a mapping', async () => {
    const text = '# TYPE jobs gauge\njobs{queue="mail",state="a\\"b"} 3 1500\njobs{queue="web"} 4\nup 1\n';
    const given = {
      command: [NODE, '-e', `process.stdout.write(${JSON.stringify(text)})`],
      format: 'prometheus',
      tables: { 'app.queue': { attributes: { name: '/name', queue: '/labels/queue' }, fields: { depth: '/value' } } },
    };
    const { sampled } = await command(given);
    const tables = await sampled();
    expect(runOf(tables)).toMatchObject({ up: 1, records: 3 });
    expect(rowsOf(tables, 'command.sample')).toEqual([
      { name: 'jobs', labels: { queue: 'mail', state: 'a"b' }, kind: 'gauge', value: 3, timestamp: 1.5 },
      { name: 'jobs', labels: { queue: 'web' }, kind: 'gauge', value: 4 },
      { name: 'up', labels: {}, kind: 'unknown', value: 1 },
    ]);
    expect(rowsOf(tables, 'app.queue')[0]).toEqual({ name: 'jobs', queue: 'mail', depth: 3 });
    const wrong = await command({ command: echo('jobs{ 3'), format: 'prometheus' });
    expect(errorOf(await wrong.sampled())).toMatchObject({
      'error.type': 'format',
      'error.message': expect.stringMatching(/^its output is no Prometheus text: /),
    });
  });

  test('as objects over many lines, also of an array', async () => {
    const tables = { app: { attributes: { n: '@key' }, fields: { a: '/a' } } };
    const text = JSON.stringify([{ a: 1 }, { a: 2 }], null, 2);
    const { sampled } = await command({ command: echo(text), format: 'json_objects', tables });
    expect(rowsOf(await sampled(), 'app')).toEqual([
      { n: '0', a: 1 },
      { n: '1', a: 2 },
    ]);
    const cut = await command({ command: echo(text.slice(0, -6)), format: 'json_objects', tables });
    expect(errorOf(await cut.sampled())).toMatchObject({ 'error.message': 'its output ends within an object' });
  });
});
