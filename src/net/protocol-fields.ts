/** Tables of protocol counters: for each field, what it means and what the kernel calls it. */
import type { Field } from '../event.ts';

/** A field and its counter's name: with IPv4 (`Ip:InReceives`), and with IPv6 (`Ip6InReceives`) where that is counted apart. */
export interface ProtocolField {
  readonly field: Field;
  readonly ipv4: string | undefined;
  readonly ipv6: string | undefined;
}

export const counted = (field: Field, ipv4: string | undefined, ipv6?: string): ProtocolField => ({ field, ipv4, ipv6 });

/** The fields of a schema. */
export function fieldsOf<K extends string>(fields: Readonly<Record<K, ProtocolField>>): Record<K, Field> {
  const entries = Object.entries<ProtocolField>(fields).map(([name, { field }]) => [name, field]);
  return Object.fromEntries(entries) as Record<K, Field>;
}

/** The names that the kernel gives to the counters of these tables. */
export function namesOf(version: 'ipv4' | 'ipv6', ...tables: readonly Readonly<Record<string, ProtocolField>>[]): string[] {
  const fields = tables.flatMap((table) => Object.values(table));
  return fields.map((field) => field[version]).filter((name) => name !== undefined);
}

/** The numbers of one row, or undefined when the kernel counts none of it. */
export function valuesOf<K extends string>(
  fields: Readonly<Record<K, ProtocolField>>,
  version: 'ipv4' | 'ipv6',
  get: (name: string) => number | undefined,
): Record<K, number | undefined> | undefined {
  let any = false;
  const values = {} as Record<K, number | undefined>;
  for (const name in fields) {
    const source = fields[name][version];
    values[name] = source === undefined ? undefined : get(source);
    any ||= values[name] !== undefined;
  }
  return any ? values : undefined;
}
