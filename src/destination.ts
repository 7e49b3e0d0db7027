/** Where a sink writes to, in a few words, as far as its options say. Secrets are not among these. */
import type { SinkEntry } from './config/config.ts';

/** Options that name a place, in the order in which they are told; the empty exchange is told by its queue. */
const PLACES = ['path', 'brokers', 'hosts', 'vhost', 'topic', 'exchange', 'queue_name'] as const;
/** The first of these need no name before them. */
const BARE = new Set<string>(['path', 'brokers', 'hosts']);
const LISTED_MAX = 3;

/** Such as `rabbitmq at 127.0.0.1:5672, exchange telemetry`, or a path alone; empty where nothing says it. */
export function destinationOf({ type, options }: Pick<SinkEntry, 'type' | 'options'>): string {
  const given = options as Readonly<Record<string, unknown>>;
  const parts: string[] = [];
  for (const name of PLACES) {
    const value = given[name];
    const list = Array.isArray(value) ? value.map(String) : typeof value === 'string' && value !== '' ? [value] : [];
    if (list.length === 0 || (name === 'vhost' && value === '/')) continue;
    const more = list.length > LISTED_MAX ? ` and ${list.length - LISTED_MAX} more` : '';
    const text = `${list.slice(0, LISTED_MAX).join(', ')}${more}`;
    parts.push(BARE.has(name) ? text : `${name.replace('_name', '')} ${text}`);
  }
  if (parts.length === 0) return '';
  return given['path'] === undefined ? `${type} at ${parts.join(', ')}` : (parts[0] as string);
}
