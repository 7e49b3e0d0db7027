import { describe, expect, test } from 'vitest';
import { around, failure, load, mistakes, short } from './support.ts';

/** The path that a file sink gets. */
async function path(text: string, env: NodeJS.ProcessEnv = {}, files: Record<string, string> = {}): Promise<unknown> {
  const { config } = await load({ 'tidegate.yaml': around(undefined, `  file:\n    path: ${text}`), ...files }, env);
  const [sink] = config.sinks;
  return (sink?.options as { path: unknown } | undefined)?.path;
}

/** The one mistake in that path. */
async function wrong(text: string, env: NodeJS.ProcessEnv = {}, files: Record<string, string> = {}): Promise<string> {
  const list = await mistakes({ 'tidegate.yaml': around(undefined, `  file:\n    path: ${text}`), ...files }, env);
  expect(list).toHaveLength(1);
  return list[0] as string;
}

describe('variables', () => {
  const env = { A: 'one', B: 'two', EMPTY: '', TEXT: 'a: b # c\n- ${A} {x}', _u9: 'under' };

  test.each([
    ['${A}', 'one'],
    ['"${A}"', 'one'],
    ["'${A}'", 'one'],
    ['x-${A}/${B}-y', 'x-one/two-y'],
    ['${_u9}', 'under'],
    ['${TEXT}', env.TEXT],
    ['${NONE:-fallback}', 'fallback'],
    ['${EMPTY:-fallback}', 'fallback'],
    ['${A:-fallback}', 'one'],
    ['${NONE:-}x', 'x'],
    ['"${NONE:-a b: c}"', 'a b: c'],
    ['${NONE:-${A}/${B}}', 'one/two'],
    ['${A:-${NONE}}', 'one'],
    ['${A:?is needed}', 'one'],
    ['x${EMPTY}', 'x'],
    ['$${A}', '${A}'],
    ['$${A}${A}', '${A}one'],
    ['$A $ $$ {A} }', '$A $ $$ {A} }'],
    ['"${NONE:-$${x}}"', '${x}'],
    ['|\n      ${A}\n      ${B}', 'one\ntwo\n'],
  ])('%s', async (text, expected) => {
    expect(await path(text, env)).toBe(expected);
  });

  test.each([
    ['${NONE}', '5:11 the environment variable NONE is not set'],
    ['x ${A} ${NONE}', '5:18 the environment variable NONE is not set'],
    ['"${NONE:?set it to a folder: now}"', '5:12 the environment variable NONE is not set: set it to a folder: now'],
    ['${EMPTY:?}', '5:11 the environment variable EMPTY is empty: it is required'],
    ['${NONE:-${NEVER}}', '5:19 the environment variable NEVER is not set'],
    ['x${A', '5:12 the closing } of ${ is missing'],
    ['x${NONE:-${A}', '5:12 the closing } of ${ is missing'],
    ['${}', '5:11 ${} is no substitution'],
    ['${1A}', '5:11 ${1A} is no substitution'],
    ['${A-b}', '5:11 ${A-b} is no substitution'],
    ['${A:+b}', '5:11 ${A:+b} is no substitution'],
    ['${constructor}', '5:11 the environment variable constructor is not set'],
    [`\${A:-${'${A:-'.repeat(9)}${'}'.repeat(10)}`, '5:11 the environment variable'],
  ])('%s is a mistake', async (text, expected) => {
    if (text.includes('${A:-${A')) expect(await wrong(text, env)).toContain('is no substitution');
    else expect(await wrong(text, env)).toBe(expected);
  });

  test('every expression of a text is told, with the nearest name that is set', async () => {
    const { error } = await failure(around(undefined, '  file:\n    path: ${KAFKA_BROKER}/${NONE}'), { KAFKA_BROKERS: 'x' });
    expect(error.mistakes.map((mistake) => [short(mistake), mistake.hint])).toEqual([
      ['5:11 the environment variable KAFKA_BROKER is not set', 'did you mean KAFKA_BROKERS?'],
      ['5:27 the environment variable NONE is not set', 'set it, or give a default: ${NONE:-default}'],
    ]);
  });

  test('names and comments are left alone', async () => {
    const { config } = await load(`# ${'${NONE}'}\n${around('  cpu: { labels: { "${NONE}": x } }')}`);
    expect(config.sensors[0]?.labels).toEqual({ '${NONE}': 'x' });
  });
});

describe('numbers, true and false from a variable', () => {
  const scrape = async (option: string, env: NodeJS.ProcessEnv) => {
    const { config } = await load(around(`  scrape:\n    targets: [a:b]\n    ${option}`), env);
    const [sensor] = config.sensors;
    return sensor?.options as { port: unknown; verify: unknown; token: unknown };
  };

  test.each([
    ['port: ${PORT}', '8080', 8080],
    ['port: "${PORT}"', '8080', 8080],
    ['port: 80${PORT}', '80', 8080],
    ['port: ${PORT:-8080}', '', 8080],
    ['port: ${PORT}', '0x1F', 31],
  ])('%s with %j', async (option, PORT, expected) => {
    expect((await scrape(option, { PORT })).port).toBe(expected);
  });

  test('true and false', async () => {
    expect((await scrape('verify: ${V}', { V: 'false' })).verify).toBe(false);
    expect((await scrape('verify: "${V}"', { V: 'True' })).verify).toBe(true);
  });

  test('a text stays the text that it is', async () => {
    expect((await scrape('token: ${T}', { T: '0123' })).token).toBe('0123');
    expect((await scrape('token: ${T}', { T: '1e3' })).token).toBe('1e3');
    expect((await scrape('token: ${T}', { T: 'true' })).token).toBe('true');
    expect((await scrape('token: ${T}', { T: '123456789012345678901234567890' })).token).toBe('123456789012345678901234567890');
    expect(
      (await load(around(undefined, undefined, 'labels: { zone: "${Z}", off: "${Y}" }'), { Z: '1.10', Y: 'null' })).config.labels,
    ).toEqual({
      zone: '1.10',
      off: 'null',
    });
  });

  test('durations and sizes', async () => {
    const { config } = await load(around('  disk:\n    interval: ${I}\n    least: ${L}\n    settle: "${S}"'), {
      I: '5',
      L: '2MiB',
      S: '2',
    });
    expect(config.sensors[0]).toMatchObject({ interval: 5000, options: { least: 2 * 2 ** 20, settle: 2000 } });
  });

  test('what is neither is a mistake at the expression', async () => {
    expect(await mistakes(around('  scrape:\n    targets: [a:b]\n    port: ${PORT}'), { PORT: 'eighty' })).toEqual([
      '4:11 sensors.scrape.port: expected a number, and this is the text ***',
    ]);
  });
});

describe('files', () => {
  test('the content without its last newline, from a path relative to the configuration', async () => {
    const files = { 'secrets/a': 'hunter22\n', 'secrets/b': 'two\nlines\r\n', 'secrets/c': ' as it is ' };
    expect(await path('${file:secrets/a}', {}, files)).toBe('hunter22');
    expect(await path('"${file:secrets/b}"', {}, files)).toBe('two\nlines');
    expect(await path('"${file:secrets/c}"', {}, files)).toBe(' as it is ');
    expect(await path('"x${file:${DIR}/a}y"', { DIR: 'secrets' }, files)).toBe('xhunter22y');
    expect(await path('"${file:secrets/c}"', {}, { 'secrets/c': '${A}' })).toBe('${A}');
  });

  test('what cannot be read is a mistake', async () => {
    expect(await wrong('${file:none}')).toBe('5:11 the file none is not there');
    expect(await wrong('${file:}')).toBe('5:11 the name of the file is missing');
    expect(await wrong('${file:.}')).toBe('5:11 the file . is a folder, not a file');
    expect(await wrong('${file:big}', {}, { big: 'x'.repeat(65_537) })).toBe(
      '5:11 the file big is larger than the limit of 64KiB',
    );
    expect(await wrong('${file:${F}}', { F: 'gone' })).toBe('5:11 the file *** is not there');
  });

  test('an empty one is a warning', async () => {
    const { warnings } = await load({ 'tidegate.yaml': around(undefined, '  file:\n    path: x${file:a}'), a: '\n' });
    expect(warnings.map(short)).toEqual(['5:12 the file a is empty']);
  });
});
