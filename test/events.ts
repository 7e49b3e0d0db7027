/** Events of any size for tests of what carries them, and the seed of random tests. */
import { createSource, defineSchema, gauge, type Source, TideEvent } from '../src/event.ts';

/** The least estimated size of an event made here, in bytes. */
export const EVENT_BYTES_MIN = 259;

const schemas = new Map<string, ReturnType<typeof paddedSchema>>();
const paddedSchema = (type: string) => defineSchema({ type, doc: 'An event of a given size.', attributes: ['pad'], fields: {} });

export const source: Source = createSource({ agent: 'agent', run: 'run', sensor: 'sensor', host: 'host', labels: {} });

/** The nth event of one source, of an exact estimated size. `time` is in milliseconds. */
export function eventOf(n: number, about: { bytes?: number; time?: number; type?: string } = {}): TideEvent {
  const { bytes = EVENT_BYTES_MIN, time = 0, type = 'test.padded' } = about;
  let schema = schemas.get(type);
  if (!schema) schemas.set(type, (schema = paddedSchema(type)));
  const table = schema.table().add(['x'.repeat(bytes - EVENT_BYTES_MIN)], {});
  return new TideEvent(source, n, time, table.seal());
}

/** What sensors under test yield: one number by name. */
export const valueSchema = defineSchema({
  type: 'test.value',
  doc: 'One number.',
  attributes: ['name'],
  fields: { value: gauge('1', 'The number.') },
});

/** Random tests name their seed in their title; `TIDEGATE_SEED` plays one again. */
export const SEED = Number(process.env['TIDEGATE_SEED'] ?? Date.now() % 2 ** 31);
