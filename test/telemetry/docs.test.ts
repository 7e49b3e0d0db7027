/** The page on self-metrics names what there is. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { loadConfig } from '../../src/config/load.ts';
import { selfTables } from '../../src/telemetry/self-tables.ts';
import { selfMetricsText } from '../../src/telemetry/text.ts';
import { REPOSITORY } from '../support.ts';
import { temporaryFolder } from '../temporary.ts';
import { PROCESS, scene } from './scene.ts';

const page = readFileSync(join(REPOSITORY, 'docs/self-metrics.md'), 'utf8');
const blocks = [...page.matchAll(/^```yaml\n([^]*?)^```$/gm)].map(([, text = '']) => text);

test('every metric that it names is on the page of metrics', async () => {
  const { status, now } = await scene();
  const text = selfMetricsText(selfTables(status, PROCESS, now));
  const named = new Set(page.match(/\btidegate_[a-z0-9_]+/g));
  const shown = new Set([...text.matchAll(/^(?:# TYPE )?(tidegate_\w+)/gm)].map(([, name]) => name));
  // What an outage in the scene is too short for is absent there, as it is documented.
  shown.add('tidegate_sink_drain_time_left_seconds').add('tidegate_sink_queue_age_seconds');
  expect([...named].filter((name) => !shown.has(name))).toEqual([]);
  expect(named.size).toBeGreaterThan(20);
});

test('its configuration loads, and its rules are YAML', async () => {
  const [configuration = '', rules = ''] = blocks;
  const file = join(temporaryFolder(), 'tidegate.yaml');
  writeFileSync(file, configuration);
  const { config, warnings } = await loadConfig(file, {}, { hostName: 'edge-7' });
  expect(warnings).toEqual([]);
  expect(config.otlp).toMatchObject({ interval: 30_000, traces: { ratio: 0.01 } });
  const { groups } = parse(rules) as { groups: { rules: unknown[] }[] };
  expect(groups[0]?.rules).toHaveLength(6);
});
