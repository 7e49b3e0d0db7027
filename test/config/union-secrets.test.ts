/** An option that is a secret or the file that holds one: the first is hidden, the second is shown. */
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { display } from '../../src/config/config.ts';
import { loadConfig } from '../../src/config/load.ts';
import { writeFiles } from '../support.ts';
import { temporaryFolder } from '../temporary.ts';

test('a token in a header is hidden wherever it would be shown, and the path of a token is not', async () => {
  const folder = temporaryFolder();
  const text = `
sensors:
  app:
    type: json
    preset: algod
    url: http://127.0.0.1:1
    headers: { X-Token: hush-in-the-header, X-Other: { file: /run/secrets/token } }
    basic: { username: monitor, password: hush-in-the-password }
sinks:
  out: { type: console }
`;
  writeFiles(folder, { 'tidegate.yaml': text });
  const { config } = await loadConfig(join(folder, 'tidegate.yaml'), {});
  const shown = JSON.stringify(display(config));
  expect(shown).not.toContain('hush');
  expect(shown).toContain('/run/secrets/token');
  expect(shown).toContain('"username":"monitor"');
  expect(config.secrets.redact('sent hush-in-the-header and hush-in-the-password from /run/secrets/token')).toBe(
    'sent *** and *** from /run/secrets/token',
  );
});
