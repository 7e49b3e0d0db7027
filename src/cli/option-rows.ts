/** Options as rows of text, from their schema: for `tidegate sensors`, `tidegate sinks` and the reference. */
import * as z from 'zod';

interface JsonSchema {
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly additionalProperties?: JsonSchema | boolean;
  readonly items?: JsonSchema;
  readonly description?: string;
  readonly default?: unknown;
  readonly type?: string | readonly string[];
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly JsonSchema[];
  readonly format?: string;
}

/** Name, what it takes, default and meaning of each option; those of a nested group behind a dot, of one in a map behind `NAME`. */
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
    if (schema.properties) return rowsOf(schema.properties, `${prefix}${name}.`);
    const members = membersOf(schema);
    return members ? [row, ...rowsOf(members, `${prefix}${name}.NAME.`)] : [row];
  });
}

/** The options of each member of a map whose members have options, however else they may be written. */
function membersOf({ additionalProperties: member }: JsonSchema): JsonSchema['properties'] {
  if (typeof member !== 'object') return undefined;
  return member.properties ?? member.anyOf?.find(({ properties }) => properties)?.properties;
}

function valueOf({ enum: choices, format, type, anyOf }: JsonSchema): string {
  if (choices) return choices.join(' | ');
  if (format) return format;
  if (typeof type === 'string') return type;
  return (type ?? anyOf?.map(valueOf) ?? []).join(' | ');
}
