/** `tidegate schema`: the JSON Schema of the configuration. */
import { jsonSchema } from '../config/json-schema.ts';
import { type Context, type GlobalOptions, registryOf } from './context.ts';

export async function schema(options: GlobalOptions, { env, out }: Context): Promise<void> {
  out.write(`${JSON.stringify(await jsonSchema(registryOf(options, env)), null, 2)}\n`);
}
