/** A canary in every option there is: whatever is wrong with it, neither what is said nor the configuration that is shown has it. */
import { join } from 'node:path';
import { inspect } from 'node:util';
import { describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { display } from '../../src/config/config.ts';
import { loadConfig } from '../../src/config/load.ts';
import { ConfigError, formatMistake } from '../../src/config/mistake.ts';
import { writeFiles } from '../support.ts';
import { temporaryFolder } from '../temporary.ts';
import { allLeaves, type OptionLeaf, optionsWith } from './option-leaves.ts';

const folder = temporaryFolder();
const leaves = await allLeaves();
/** What an option's name says that it holds, unless it holds where that is. */
const CONFIDENTIAL = /pass|token|secret|credential|bearer|header|variables/i;
const A_FILE = /_files?$|^file$/;

/** All that a loaded or refused configuration lets anybody see. */
async function told(component: string, leaf: OptionLeaf, value: string, env: NodeJS.ProcessEnv): Promise<string> {
  const options = optionsWith(leaf.path, value) as Record<string, unknown>;
  const [section = '', type = ''] = component.split('.');
  const base = { sensors: { load: {} }, sinks: { out: { type: 'console' } } };
  const whole: Record<string, unknown> =
    section === '' ? { ...base, ...options } : { ...base, [section]: { ...base[section as keyof typeof base], [type]: options } };
  const file = join(folder, 'tidegate.yaml');
  writeFiles(folder, { 'tidegate.yaml': stringify(whole) });
  try {
    const { config, warnings } = await loadConfig(file, env, { hostName: 'edge-7' });
    const { shown, fingerprints, sensors, sinks, secrets } = config;
    const prints = [...sensors, ...sinks].map((entry) => entry.fingerprint);
    const seen = inspect({ shown, display: display(config), fingerprints, prints }, { depth: 12 });
    return [seen, ...warnings.map(formatMistake), secrets.redact(`an error that quotes ${value}, ${env['CANARY'] ?? ''}`)].join(
      '\n',
    );
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return [...error.mistakes.map(formatMistake), inspect(error.mistakes, { depth: 9 }), String(error.stack)].join('\n');
  }
}

describe.each([...leaves.keys()])('the options of %s', (component) => {
  const own = leaves.get(component) ?? [];

  test('tell nothing that came from a variable', async () => {
    for (const [i, leaf] of own.entries()) {
      if (leaf.meta.public) continue;
      const canary = `canary-${i}-of-the-environment`;
      const where = `${component}.${leaf.path.join('.')}`;
      expect(await told(component, leaf, '${CANARY}', { CANARY: canary }), where).not.toContain(canary);
    }
  });

  test('tell no secret that is written there', async () => {
    for (const [i, leaf] of own.entries()) {
      if (!leaf.secret) continue;
      const canary = `canary-${i}-in-the-file`;
      expect(await told(component, leaf, canary, {}), `${component}.${leaf.path.join('.')}`).not.toContain(canary);
    }
  });

  test.each([
    ['http://user:CANARY@127.0.0.1:9/metrics'],
    ['user:CANARY@127.0.0.1:9'],
    ['https://127.0.0.1:9/x?access_token=CANARY&a=b'],
  ])('tell no password of an address: %s', async (address) => {
    for (const [i, { path, meta, secret }] of own.entries()) {
      const canary = `canary-${i}-in-an-address`;
      const text = address.replace('CANARY', canary);
      expect(await told(component, { path, meta, secret }, text, {}), path.join('.')).not.toContain(canary);
    }
  });

  test('are secrets where their names say so', () => {
    const open = own.filter(({ path, secret }) => !secret && path.some((name) => CONFIDENTIAL.test(name)));
    const names = open.filter(({ path }) => !path.some((name) => A_FILE.test(name))).map(({ path }) => path.join('.'));
    expect(names, 'secret() of src/options.ts, or .meta({ secret: true })').toEqual([]);
  });
});

test('there are options of every component, secrets among them', () => {
  const secrets = [...leaves.values()].flat().filter(({ secret }) => secret);
  expect(secrets.length).toBeGreaterThan(12);
  expect(leaves.get('sensors.disk')?.map(({ path }) => path.join('.'))).toContain('include.[]');
});
