import { describe, expect, it } from 'vitest';
import { partitionOf } from '../../src/kafka/partition.ts';
import { Template, templateMistake, topicMistake, topicOf } from '../../src/kafka/template.ts';
import { message } from './messages.ts';

describe('templates', () => {
  it('take the variables of an event', () => {
    const template = new Template('t.{type}.{sensor}-{host}_{agent}');
    expect(template.fixed).toBeUndefined();
    expect(template.fill(message(1))).toBe('t.system.disk.disk-edge-7.example_edge-7');
    expect(template.fill(message(2, { type: 'system.cpu', sensor: 'cpu' }))).toBe('t.system.cpu.cpu-edge-7.example_edge-7');
    expect(template.fill(message(3))).toBe('t.system.disk.disk-edge-7.example_edge-7');
  });

  it('without a variable are the same for every event', () => {
    expect(new Template('telemetry').fixed).toBe('telemetry');
    expect(new Template('').fill(message(1))).toBe('');
  });

  it.each([
    ['telemetry.{type}', undefined],
    ['{agent}', undefined],
    ['t.{typ}', /no variable \{typ\}; there is \{type\}, \{sensor\}, \{host\}, \{agent\}/],
    ['t.{}', /no variable \{\}/],
    ['t.{type', /without its other half/],
    ['t.type}', /without its other half/],
    ['tele metry', /letters, digits, dots, underscores and dashes only/],
    ['a/b', /letters, digits/],
    ['', /needs a name/],
    ['.', /cannot be named so/],
    ['..', /cannot be named so/],
    ['x'.repeat(249), undefined],
    ['x'.repeat(250), /249 characters at most/],
  ])('of a topic, %j: %s', (template, mistake) => {
    if (mistake === undefined) expect(templateMistake(template, 'topic')).toBeUndefined();
    else expect(templateMistake(template, 'topic')).toMatch(mistake);
  });

  it('of a key may be empty, and hold what a topic may not', () => {
    expect(templateMistake('', 'key')).toBeUndefined();
    expect(templateMistake('{host} / {sensor}', 'key')).toBeUndefined();
    expect(templateMistake('{nope}', 'key')).toMatch(/no variable/);
  });

  it('reject the event whose topic can be none, and say which', () => {
    const template = new Template('t.{host}');
    expect(topicOf(template, message(1))).toBe('t.edge-7.example');
    const refused = (() => {
      try {
        return topicOf(template, message(7, { host: 'my host' }));
      } catch (error) {
        return error;
      }
    })();
    expect(refused).toMatchObject({ code: 'rejected', message: expect.stringContaining('edge-7/01890a5d/disk/7') });
    expect(refused).toMatchObject({ message: expect.stringContaining('"t.my host"') });
    expect(topicMistake('ok.Name-1_2')).toBeUndefined();
  });

  it('remember a bounded number of results', () => {
    const template = new Template('{sensor}');
    for (let i = 0; i < 5000; i++) expect(template.fill(message(1, { sensor: `s${i}` }))).toBe(`s${i}`);
  });
});

describe('partitions', () => {
  const partitions = (count: number) => Array.from({ length: count }, (_, i) => ({ partitionId: i }));

  it('of a lane never change: this is what releases have in common', () => {
    expect([0, 1, 2, 3].map((lane) => partitionOf('edge-7', lane, partitions(12)))).toEqual(EXPECTED['edge-7']);
    expect([0, 1, 2, 3].map((lane) => partitionOf('größe', lane, partitions(12)))).toEqual(EXPECTED['größe']);
  });

  it('are all used by as many lanes, whatever the order in which a broker tells of them', () => {
    const lanes = Array.from({ length: 6 }, (_, lane) => partitionOf('a', lane, partitions(6).toReversed()));
    expect(new Set(lanes)).toEqual(new Set([0, 1, 2, 3, 4, 5]));
    expect(lanes).toEqual(Array.from({ length: 6 }, (_, lane) => partitionOf('a', lane, partitions(6))));
  });

  it('spread the first lanes of many agents', () => {
    const counts = [0, 0, 0, 0];
    for (let i = 0; i < 1000; i++) counts[partitionOf(`agent-${i}`, 0, partitions(4))]!++;
    for (const count of counts) expect(count).toBeGreaterThan(150);
  });
});

/** FNV-1a of the name, reckoned with another implementation (Python), plus the lane, modulo 12. */
const EXPECTED = { 'edge-7': [4, 5, 6, 7], größe: [2, 3, 4, 5] };
