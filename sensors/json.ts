/** Numbers out of any JSON over HTTP, by a mapping that the operator writes or that comes with tidegate. */
import { type AnyTable, defineSchema, gauge, type Schema } from '../src/event.ts';
import { UNNAMED } from '../src/json/asker.ts';
import { Mapping } from '../src/json/mapping.ts';
import { mappingOf, options, presetMapping } from '../src/json/options.ts';
import { PRESETS } from '../src/json/presets/index.ts';
import type { JsonSampler } from '../src/json/sampler.ts';
import { defineSensor, type Preset, type Sampler } from '../src/sensor.ts';

const request = defineSchema({
  type: 'json.request',
  doc: `What became of each request, but for optional ones that fail. One that has no name is called ${UNNAMED}.`,
  attributes: ['json.request'],
  fields: {
    up: gauge('1', '1 when it was answered as it should be, else 0.'),
    duration: gauge('s', 'Time from asking to the end of the answer, or to giving up.'),
    status: gauge('1', 'Status of the HTTP answer. Absent without one.'),
    size: gauge('By', 'Size of the answer, unpacked. Absent without one.'),
  },
});

const failure = defineSchema({
  type: 'json.error',
  doc: 'A row for each request that has failed in this sample; none when all is well, nor for optional ones.',
  attributes: ['json.request', 'error.type', 'error.message'],
  fields: { failed: gauge('1', 'Always 1: the attributes are what it says.') },
});

const table = defineSchema({
  type: 'json.table',
  doc: 'What became of each table of the mapping.',
  attributes: ['json.table', 'error.message'],
  fields: {
    rows: gauge('{row}', 'Rows that it has.'),
    problems: gauge('{value}', 'Values that are not what the mapping says. They are absent; the attribute names the first.'),
  },
});

const emits = [request, failure, table] as const;
/** How many rows a table has does not matter to what it is. */
const schemasOf = (mapping: ReturnType<typeof presetMapping>): readonly Schema[] => new Mapping(mapping.tables, 1).schemas;

/** Compiled when somebody asks. */
class ShippedPreset implements Preset {
  readonly name: string;
  readonly summary: string;

  constructor({ name, summary }: Pick<Preset, 'name' | 'summary'>) {
    this.name = name;
    this.summary = summary;
  }

  get emits(): readonly Schema[] {
    return schemasOf(presetMapping(this.name));
  }
}

export default defineSensor({
  name: 'json',
  summary: 'Numbers out of any JSON over HTTP, by a mapping: REST and JSON-RPC; presets for node software.',
  emits,
  emitsFor: (given) => schemasOf(mappingOf(given)),
  presets: PRESETS.map((preset) => new ShippedPreset(preset)),
  options,
  byDefault: false,
  async open(_host, given, context): Promise<Sampler> {
    // What speaks HTTP takes a tenth of a second to load, which nobody is to pay who does not use it.
    const { openSampler } = await import('../src/json/sampler.ts');
    const sampler: JsonSampler = openSampler(given, context);
    return {
      async sample(signal, time): Promise<AnyTable[]> {
        const { outcomes, filled } = await sampler.sample(signal, time);
        const [requests, failures, made] = [request.table(), failure.table(), table.table()];
        for (const { name, failure: why, optional, duration, status, bytes } of outcomes) {
          if (why && optional) continue;
          requests.add([name], { up: why ? 0 : 1, duration, status, size: bytes });
          if (why) failures.add([name, why.kind, why.message], { failed: 1 });
        }
        for (const { name, rows, problems, problem = '' } of filled) made.add([name, problem], { rows, problems });
        const tables = filled.flatMap((one) => (one.table ? [one.table] : []));
        return [requests, ...(failures.rows > 0 ? [failures] : []), made, ...tables];
      },
      close: () => sampler.close(),
    };
  },
});
