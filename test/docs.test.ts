/** The documentation says what is so: the reference is the schemas', examples load, links lead somewhere. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { describe, expect, it } from 'vitest';
import { reference } from '../scripts/docs.ts';
import { loadConfig } from '../src/config/load.ts';
import { decodeJson } from '../src/consumer.ts';
import { registry } from '../src/registry.ts';
import { emitted } from '../src/sensor.ts';
import { blocksOf, PAGES } from './doc-blocks.ts';
import { REPOSITORY } from './support.ts';
import { temporaryFolder } from './temporary.ts';

const read = (path: string): string => readFileSync(join(REPOSITORY, path), 'utf8');

/** The contents of the blocks of a page. */
const textsOf = (page: string, language: string): string[] => blocksOf(language, page).map(({ text }) => text);

/** Where links lead, without those in code. */
function linksOf(markdown: string): string[] {
  const prose = markdown.replaceAll(/^```[^]*?^```$/gm, '').replaceAll(/`[^`\n]*`/g, '');
  return [...prose.matchAll(/\]\(<?([^)\s>]+)>?[^)]*\)|^\[[^\]]+\]:\s*(\S+)/gm)].map(
    ([, inline, defined]) => (inline ?? defined) as string,
  );
}

/** Headings as GitHub makes anchors of them. */
const anchorsOf = (markdown: string): string[] =>
  [...markdown.replaceAll(/^```[^]*?^```$/gm, '').matchAll(/^#+ +(.*)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
      .trim()
      .replaceAll(/\s/g, '-'),
  );

/** What is wrong with a link from a page, or undefined. */
function brokenLink(page: string, link: string): string | undefined {
  if (/^[a-z]+:/.test(link)) return undefined;
  const [path = '', anchor] = link.split('#');
  const target = path === '' ? join(REPOSITORY, page) : join(REPOSITORY, dirname(page), decodeURIComponent(path));
  if (!existsSync(target)) return `${link}: there is no ${relative(REPOSITORY, target)}`;
  if (anchor === undefined || !target.endsWith('.md')) return undefined;
  return anchorsOf(readFileSync(target, 'utf8')).includes(anchor) ? undefined : `${link}: no heading makes #${anchor}`;
}

describe('docs/reference.md', () => {
  it('is what the schemas say', async () => {
    const made = await reference();
    const path = 'docs/reference.md';
    const written = existsSync(join(REPOSITORY, path)) ? read(path) : '';
    // The first line that differs says more than two texts of a thousand lines.
    const lines = made.split('\n');
    const at = written.split('\n').findIndex((line, i) => line !== lines[i]);
    const place = at < 0 ? 'its end' : `line ${at + 1}, which should be ${JSON.stringify(lines[at] ?? '')}`;
    expect(written === made, `${path} is out of date from ${place}: npm run docs`).toBe(true);
  });
});

describe('README.md', () => {
  const configurations = textsOf('README.md', 'yaml');

  it('has a configuration', () => {
    expect(configurations.length).toBeGreaterThan(0);
  });

  it.each(configurations.map((text, i) => [i + 1, text] as const))(
    'has a configuration that loads: number %i',
    async (_i, text) => {
      const file = join(temporaryFolder(), 'tidegate.yaml');
      writeFileSync(file, text);
      const { config, warnings } = await loadConfig(file, {}, { hostName: 'edge-7' });
      expect(warnings).toEqual([]);
      expect(config.sensors.length).toBeGreaterThan(0);
      expect(config.sinks.length).toBeGreaterThan(0);
    },
  );

  it('has an example of an event that a consumer reads', () => {
    const [event] = textsOf('README.md', 'json').map((text) => decodeJson(text));
    expect(event?.rows).toBe(2);
  });
});

describe('docs/node-software.md', () => {
  const configurations = textsOf('docs/node-software.md', 'yaml');

  it.each(configurations.map((text, i) => [i + 1, text] as const))(
    'has a configuration that loads, and whose sink takes what is emitted: number %i',
    async (_i, text) => {
      const file = join(temporaryFolder(), 'tidegate.yaml');
      writeFileSync(file, text);
      const { config, warnings } = await loadConfig(file, {}, { hostName: 'edge-7' });
      expect(warnings).toEqual([]);
      const types = config.sensors.flatMap(({ definition, options }) => emitted(definition, options).map(({ type }) => type));
      const [sink] = config.sinks;
      expect(types.filter((type) => sink?.common.select(type) !== true)).toEqual([]);
    },
  );

  it('has a configuration for every preset', async () => {
    const { presets = [] } = await registry.loadSensor('json');
    const all = configurations.join('');
    expect(presets.map(({ name }) => name).filter((name) => !all.includes(`preset: ${name}`))).toEqual([]);
    expect(presets.length).toBeGreaterThan(6);
  });
});

describe('docs/hardware.md', () => {
  const configurations = textsOf('docs/hardware.md', 'yaml');

  it.each(configurations.map((text, i) => [i + 1, text] as const))(
    'has a configuration that loads, and whose sink takes some of what each sensor emits: number %i',
    async (_i, text) => {
      const file = join(temporaryFolder(), 'tidegate.yaml');
      writeFileSync(file, text);
      const { config, warnings } = await loadConfig(file, {}, { hostName: 'edge-7' });
      expect(warnings).toEqual([]);
      const [sink] = config.sinks;
      for (const { definition, options } of config.sensors)
        expect(emitted(definition, options).some(({ type }) => sink?.common.select(type) === true)).toBe(true);
    },
  );
});

describe('links', () => {
  it.each(PAGES)('of %s lead somewhere', (page) => {
    const links = linksOf(read(page));
    expect(links.map((link) => brokenLink(page, link)).filter((broken) => broken !== undefined)).toEqual([]);
  });

  it('are found: those of README.md', () => {
    expect(linksOf(read('README.md'))).toContain('docs/reference.md');
    expect(brokenLink('README.md', 'docs/gone.md')).toBe('docs/gone.md: there is no docs/gone.md');
  });
});
