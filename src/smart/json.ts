/** Values out of parsed JSON whose shape nobody promises. */
export type Json = unknown;

/** The member at a path of keys, or undefined where the path ends before. */
export function at(value: Json, ...path: readonly string[]): Json {
  let member = value;
  for (const key of path) {
    if (typeof member !== 'object' || member === null || !Object.hasOwn(member, key)) return undefined;
    member = (member as Record<string, unknown>)[key];
  }
  return member;
}

export function numberAt(value: Json, ...path: readonly string[]): number | undefined {
  const member = at(value, ...path);
  return typeof member === 'number' && Number.isFinite(member) ? member : undefined;
}

/** A text that is not empty. */
export function textAt(value: Json, ...path: readonly string[]): string | undefined {
  const member = at(value, ...path);
  return typeof member === 'string' && member !== '' ? member : undefined;
}

export function objectsAt(value: Json, ...path: readonly string[]): Json[] {
  const member = at(value, ...path);
  return Array.isArray(member) ? member.filter((one) => typeof one === 'object' && one !== null) : [];
}
