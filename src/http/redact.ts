/** What others say may quote what they were given: no secret goes out in an answer. */
import type { Config } from '../config/config.ts';

/** A copy of plain data with its texts redacted. Names of members are ours. */
export function redacted<T>(value: T, secrets: Config['secrets']): T {
  const hide = (part: unknown): unknown => {
    if (typeof part === 'string') return secrets.redact(part);
    if (Array.isArray(part)) return part.map(hide);
    if (typeof part !== 'object' || part === null) return part;
    return Object.fromEntries(Object.entries(part).map(([key, member]) => [key, hide(member)]));
  };
  return hide(value) as T;
}
