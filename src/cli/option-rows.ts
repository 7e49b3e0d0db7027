/** Options as rows of text, from their schema: for `tidegate sensors`, `tidegate sinks` and the reference. */
import * as z from 'zod';

interface JsonSchema {
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly description?: string;
  readonly default?: unknown;
  readonly type?: string | readonly string[];
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly JsonSchema[];
  readonly format?: string;
}

/** Name, what it takes, default and meaning of each option; those of a nested group behind a dot. */
export function optionRows(options: z.ZodType): string[][] {
  const { properties = {} } = z.toJSONSchema(options, { io: 'input', unrepresentable: 'any' }) as JsonSchema;
  return rowsOf(properties, '');
}

function rowsOf(properties: Readonly<Record<string, JsonSchema>>, prefix: string): string[][] {
  return Object.entries(properties).flatMap(([name, schema]) => {
    const row = [
      `${prefix}${name}`,
      valueOf(schema),
      schema.default === undefined ? '' : JSON.stringify(schema.default),
      schema.description ?? '',
    ];
    return schema.properties ? rowsOf(schema.properties, `${prefix}${name}.`) : [row];
  });
}

function valueOf({ enum: choices, format, type, anyOf }: JsonSchema): string {
  if (choices) return choices.join(' | ');
  if (format) return format;
  if (typeof type === 'string') return type;
  return (type ?? anyOf?.map(valueOf) ?? []).join(' | ');
}
