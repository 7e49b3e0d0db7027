/** What a broker sink's options say about each other. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/config/load.ts';
import { formatMistake } from '../../src/config/mistake.ts';
import { temporaryFolder } from '../temporary.ts';

const folder = temporaryFolder();

async function load(lines: string, base = 'type: rabbitmq, hosts: ["127.0.0.1:1"], exchange: e'): Promise<string[]> {
  const file = join(folder, 'tidegate.yaml');
  writeFileSync(file, `sensors: { load: {} }\nsinks:\n  broker: { ${base}${lines === '' ? '' : `, ${lines}`} }\n`);
  const { warnings } = await loadConfig(file, {}, { hostName: 'h' });
  return warnings.map((warning) => formatMistake(warning));
}

describe('a sink to a broker', () => {
  it('is warned of nothing with its defaults', async () => {
    expect(await load('')).toEqual([]);
  });

  it.each([
    ['spool: { mode: always }, drain: { order: backfill }', 'it is drained in order'],
    ['spool: { spool_after: 1m }', 'spool.spool_after of 1m is more than the timeout of 30s'],
    ['spool: { max_bytes: 1MiB }', 'queue.max_bytes of 64MiB is more than spool.max_bytes of 1MiB'],
    ['queue: { max_age: 1h }', 'use spool.max_age'],
    ['spool: { fsync: always, fsync_interval: 2s }', 'spool.fsync_interval has no meaning with fsync always'],
    ['lane_by: host', 'lane_by has no meaning with one lane'],
  ])('is warned of %s', async (lines, said) => {
    const warnings = await load(lines);
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toContain(said);
    expect(warnings[0]).toMatch(/tidegate\.yaml:3:\d+: sinks\.broker: /);
  });

  it.each([
    ['timeout: 10s', 'request_timeout of 20s is more than the timeout of 10s'],
    ['request_timeout: 1m', 'request_timeout of 1m is more than the timeout of 30s'],
  ])('to Kafka is warned of %s', async (lines, said) => {
    const warnings = await load(lines, 'type: kafka, brokers: ["127.0.0.1:1"]');
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toContain(said);
  });

  it.each([['lane_by: host, lanes: 2'], ['spool: { mode: always, spool_after: 1m }'], ['drain: { order: backfill }']])(
    'is warned of nothing with %s',
    async (lines) => {
      expect(await load(lines)).toEqual([]);
    },
  );

  it.each([
    ['rabbitmq, hosts: ["a:1", b], exchange: e', 'rabbitmq, hosts: ["b:5672"], exchange: e, lanes: 2', true],
    ['rabbitmq, hosts: [a], queue_name: q', 'rabbitmq, hosts: [a], routing_key: q', true],
    ['rabbitmq, hosts: [a], exchange: e', 'rabbitmq, hosts: [a], exchange: e, vhost: other', false],
    ['rabbitmq, hosts: [a], exchange: e', 'rabbitmq, hosts: [a], exchange: e, routing_key: k', false],
    ['kafka, brokers: ["a:1", "b:2"]', 'kafka, brokers: ["b:2"], topic: telemetry', true],
    ['kafka, brokers: ["a:1"]', 'kafka, brokers: ["a:1"], topic: other', false],
    ['kafka, brokers: ["a:1"]', 'kafka, brokers: ["a:2"]', false],
  ])('of %s beside %s is refused where both write to one place: %s', async (one, other, refused) => {
    const file = join(folder, 'two.yaml');
    writeFileSync(file, `sensors: { load: {} }\nsinks:\n  one: { type: ${one} }\n  other: { type: ${other} }\n`);
    const loaded = loadConfig(file, {}, { hostName: 'h' });
    if (refused)
      await expect(loaded).rejects.toThrow(/two\.yaml:4:\d+: sinks\.other: it writes to .+, as sinks\.one does[^]*of its own/);
    else await expect(loaded).resolves.toBeDefined();
  });

  it.each(['0', '-5', 'fast'])('is refused a drain.rate of %s, and told what to do', async (rate) => {
    await expect(load(`drain: { rate: ${rate} }`)).rejects.toThrow(
      /sinks\.broker\.drain\.rate: .*expected auto, or events a second above 0[^]*tidegate spool SINK pause/,
    );
  });
});
