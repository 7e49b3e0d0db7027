/** `npm run docs`: writes `docs/reference.md` from the schemas of sensors, sinks and options. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { optionRows } from '../src/cli/option-rows.ts';
import { general, sensorCommon, sinkCommon } from '../src/config/schema.ts';
import type { Schema } from '../src/event.ts';
import { formatDuration } from '../src/options.ts';
import { registry } from '../src/registry.ts';

const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('\n', ' ');

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [head, head.map(() => '---'), ...rows.map((row) => row.map(cell))];
  return `${lines.map((row) => `| ${row.join(' | ')} |`).join('\n')}\n`;
}

function optionTable(rows: readonly (readonly string[])[]): string {
  if (rows.length === 0) return 'No options of its own.\n';
  return table(
    ['option', 'takes', 'default', 'meaning'],
    rows.map(([name = '', takes = '', preset = '', what = '']) => [`\`${name}\``, takes, preset && `\`${preset}\``, what]),
  );
}

function schemaSection({ type, doc, attributes, fields }: Schema): string {
  const by = attributes.length > 0 ? `by ${attributes.map((name) => `\`${name}\``).join(', ')}` : 'without attributes';
  const rows = Object.entries(fields).map(([name, { kind, unit, doc: what }]) => [
    `\`${type}.${name}\``,
    kind,
    `\`${unit}\``,
    what,
  ]);
  return `\n**\`${type}\`** ${by}. ${doc}\n\n${table(['metric', 'kind', 'unit', 'meaning'], rows)}`;
}

/** The whole reference, as Markdown. */
export async function reference(): Promise<string> {
  const parts = [
    '# Reference\n\nMade from the schemas by `npm run docs`. Durations are written `500ms`, `10s`, `5m`, `24h`; sizes `64MiB`, `2GB`; units are UCUM.\n',
    `\n## Options at the top\n\n${optionTable(optionRows(general))}`,
    `\n## Options of every sensor\n\n${optionTable(optionRows(sensorCommon))}`,
    `\n## Options of every sink\n\n${optionTable(optionRows(sinkCommon))}`,
    '\n## Sensors\n',
  ];
  for (const name of registry.sensorNames()) {
    const { summary, options, emits, presets = [], interval } = await registry.loadSensor(name);
    const rarely =
      interval === undefined ? '' : `\n\nSamples at most every ${formatDuration(interval)} unless \`interval\` is set.`;
    parts.push(`\n### ${name}\n\n${summary}${rarely}\n\n${optionTable(optionRows(options))}`, ...emits.map(schemaSection));
    for (const preset of presets)
      parts.push(`\n#### ${name}: preset ${preset.name}\n\n${preset.summary}\n`, ...preset.emits.map(schemaSection));
  }
  parts.push('\n## Sinks\n');
  for (const name of registry.sinkNames()) {
    const { summary, options } = await registry.loadSink(name);
    parts.push(`\n### ${name}\n\n${summary}\n\n${optionTable(optionRows(options))}`);
  }
  return parts.join('');
}

if (import.meta.main) writeFileSync(join(import.meta.dirname, '..', 'docs', 'reference.md'), await reference());
