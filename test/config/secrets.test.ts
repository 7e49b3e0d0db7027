import { inspect } from 'node:util';
import { describe, expect, test } from 'vitest';
import { display } from '../../src/config/config.ts';
import { Secrets } from '../../src/config/secrets.ts';
import { around, failure, load } from './support.ts';

describe('redact', () => {
  test('hides a secret wherever it stands, in quotes and in a URL too', () => {
    const secrets = new Secrets();
    secrets.add('pa"ss w/rd');
    expect(secrets.redact('login pa"ss w/rd failed')).toBe('login *** failed');
    expect(secrets.redact(JSON.stringify({ password: 'pa"ss w/rd' }))).toBe('{"password":"***"}');
    expect(secrets.redact(`amqp://u:${encodeURIComponent('pa"ss w/rd')}@h`)).toBe('amqp://u:***@h');
  });

  test('hides the longer of two secrets whole, and each line of a key', () => {
    const secrets = new Secrets();
    secrets.add('hunter');
    secrets.add('hunter22');
    secrets.add('-----BEGIN-----\nMIIabc\n-----END-----\n');
    expect(secrets.redact('hunter22 hunter')).toBe('*** ***');
    expect(secrets.redact('line MIIabc')).toBe('line ***');
    expect(secrets.redact('nothing here')).toBe('nothing here');
  });

  test('leaves texts alone that are too short to tell from words', () => {
    const secrets = new Secrets();
    secrets.add('e');
    secrets.add('');
    secrets.add('   ');
    expect(secrets.redact('the end   ')).toBe('the end   ');
  });
});

describe('what is secret', () => {
  const env = {
    WHERE: '/data/spool',
    PIN: '12',
    LEVEL: 'debug',
    ENVIRONMENT: 'production',
    EVERY: '15s',
    USER: 'carol',
    HOST_NAME: 'node-17',
  };
  const text = `
host: \${HOST_NAME}
labels: { env: "\${ENVIRONMENT}", key: "\${file:key}" }
log: { level: "\${LEVEL}" }
interval: \${EVERY}
sensors:
  cpu:
  scrape:
    targets: ["http://\${USER}:x@host/a"]
    token: inline-token
    headers: { authorization: Bearer abcdef, other: "\${PIN}" }
    auth: { kind: basic, user: u, password: swordfish }
sinks:
  file: { path: "\${WHERE}/events" }
  broker: { servers: [a], password: "\${file:key}" }
`;
  const loaded = async () => (await load({ 'tidegate.yaml': text, key: 'from-a-file\n' }, env)).config;

  test('values of files, of variables and of secret options are not printed', async () => {
    const { secrets } = await loaded();
    for (const secret of ['from-a-file', '/data/spool', 'carol', 'inline-token', 'Bearer abcdef', 'swordfish'])
      expect(secrets.redact(`a ${secret} b`)).toBe('a *** b');
  });

  test('what goes out with every event, and choices, numbers and durations, are no secrets', async () => {
    const { secrets } = await loaded();
    for (const word of ['debug', 'production', '15s', 'node-17', 'cpu', 'events'])
      expect(secrets.redact(`a ${word} b`)).toBe(`a ${word} b`);
  });

  test('display hides them, short ones too, and shows the rest', async () => {
    const shown = display(await loaded());
    expect(shown).toMatchObject({
      host: 'node-17',
      labels: { env: 'production', key: '***' },
      log: { level: 'debug' },
      interval: '15s',
      sensors: {
        scrape: {
          targets: ['http://***:***@host/a'],
          token: '***',
          headers: { authorization: '***', other: '***' },
          auth: { kind: 'basic', user: 'u', password: '***' },
        },
      },
      sinks: { file: { path: '***/events' }, broker: { servers: ['a'], password: '***' } },
    });
  });

  test('fingerprints and what is shown hold none', async () => {
    const { shown, fingerprints, sensors, sinks, secrets } = await loaded();
    const all = inspect({ shown, fingerprints, prints: [...sensors, ...sinks].map((entry) => entry.fingerprint) }, { depth: 9 });
    expect(secrets.redact(all)).toBe(all);
    expect(all).not.toMatch(/swordfish|inline-token/);
  });
});

describe('mistakes show no secret', () => {
  const report = async (text: string, env: NodeJS.ProcessEnv = {}, files: Record<string, string> = {}) => {
    const { error, report: message } = await failure({ 'tidegate.yaml': text, ...files }, env);
    return `${message}\n${inspect(error.mistakes, { depth: 9 })}\n${String(error.stack)}`;
  };

  test.each([
    ['a secret option beside a mistake', around(undefined, '  broker: { password: hunter22, typo: 1 }')],
    ['a secret option of the wrong type', around(undefined, '  broker: { servers: [a], password: 99887766 }')],
    ['a secret in a list of its own', around('  scrape:\n    targets: [a:b]\n    headers: { a: hunter22, b: 99887766 }')],
    ['a secret in one alternative', around('  scrape:\n    targets: [a:b]\n    auth: { kind: basic, password: hunter22 }')],
    ['a secret where the type is unknown', around(undefined, '  broker: { type: brokr, password: hunter22 }')],
    [
      'a secret through an alias',
      around(undefined, '  file: { path: x }\n  broker: { servers: [a], password: &p hunter22, acks: *p }'),
    ],
    ['a broken file', 'sinks:\n  broker: { password: hunter22, servers: ]\n'],
    ['an open quote', 'sinks:\n  broker: { password: "hunter22 }\n'],
    ['a text with a colon', 'sinks:\n  broker:\n    auth_token: hunter22: x\n'],
    ['a URL with a password', 'sinks:\n  broker: { servers: ["amqp://u:hunter22@h"], servers: [ }\n'],
  ])('%s', async (_name, text) => {
    expect(await report(text)).not.toMatch(/hunter22|99887766/);
  });

  test('a value from a variable or a file, however short', async () => {
    const text = around(
      '  disk: { interval: "${A}", least: "${B}", exclude: "${C}" }\n  scrape: { targets: ["${D}"], port: "${E}" }\n  x: { type: "${F}" }',
    );
    const env = { A: 'zq1', B: 'hunter22', C: '(hunter22', D: 'zq', E: 'zq', F: 'zq9' };
    const told = await report(text, env, { pin: 'zq' });
    expect(told).not.toMatch(/hunter22|zq/);
    expect(told).toContain('sensors.disk.interval: *** is not a duration');
    expect(told).toContain('sensors.x: there is no sensor ***');
  });

  test('the excerpt keeps its caret below what is meant', async () => {
    const { error } = await failure(around(undefined, '  broker: { tipo: 1, password: hunter22, typo: 1, servers: [a] }'));
    const marked = error.mistakes.map(({ excerpt }) => {
      expect(excerpt?.text).toBe('  broker: { tipo: 1, password: ***, typo: 1, servers: [a] }');
      return excerpt?.text.slice(excerpt.caret.indexOf('^'), excerpt.caret.length);
    });
    expect(marked).toEqual(['tipo', 'typo']);
  });
});
