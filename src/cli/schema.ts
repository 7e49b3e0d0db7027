/** `tidegate schema`: the JSON Schema of the configuration. */
import { jsonSchema } from '../config/json-schema.ts';
import type { Context } from './context.ts';

export async function schema({ out }: Context): Promise<void> {
  out.write(`${JSON.stringify(await jsonSchema(), null, 2)}\n`);
}
