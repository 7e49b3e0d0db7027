/** `tidegate spool SINK retry` and `discard`. */
import { UsageError } from '../errors.ts';
import type { SpoolAccess } from '../spool/access.ts';
import type { Context } from './context.ts';

const EXIT_NO_INPUT = 66;

export interface ChangeOptions {
  readonly format: 'table' | 'json';
  readonly all?: boolean;
  readonly spooled?: boolean;
}

const count = (events: number, what: string): string => `${events} ${what}${events === 1 ? '' : 's'}`;

export async function changeSpool(
  access: SpoolAccess,
  action: 'retry' | 'discard',
  words: readonly string[],
  { format, all, spooled }: ChangeOptions,
  { out }: Context,
): Promise<void> {
  const numbers = all ? 'all' : [...new Set(words.map(Number))];
  const events = spooled ? await access.discardSpooled() : await access[action](numbers);
  const missing = numbers === 'all' || spooled ? 0 : numbers.length - events;
  if (events === 0 && missing > 0) throw new UsageError('there are no dead letters with these numbers', EXIT_NO_INPUT);
  if (format === 'json') {
    out.write(`${JSON.stringify({ action, source: access.source, events, missing })}\n`);
    return;
  }
  const when = access.source === 'service' ? 'sent again by the running service' : 'spooled again: sent when the service runs';
  const said = spooled
    ? `${count(events, 'event')} given up; the far end is told`
    : `${count(events, 'dead letter')} ${action === 'retry' ? when : 'discarded'}`;
  out.write(`${said}${missing > 0 ? `; ${count(missing, 'number')} had none` : ''} (${access.from})\n`);
}
