/**
 * Secrets that no configuration holds: what is read from files of passwords and tokens while the service runs, and what is made of them
 * to be sent. Whoever reads one tells it here, so that it is hidden wherever a secret of the configuration is.
 *
 * Limits: the last HELD_MAX of them; a text of more than LENGTH_MAX is a key or a certificate, which no server repeats.
 */
const HELD_MAX = 1000;
const [LENGTH_MIN, LENGTH_MAX] = [4, 8192];

const held = new Set<string>();

/** Remembers a secret, and gives it back. */
export function holdSecret(text: string): string {
  if (text.length < LENGTH_MIN || text.length > LENGTH_MAX || held.has(text)) return text;
  const [oldest] = held;
  if (held.size >= HELD_MAX && oldest !== undefined) held.delete(oldest);
  held.add(text);
  return text;
}

/** A text with `***` for each of them. */
export function withoutHeldSecrets(text: string): string {
  let result = text;
  for (const secret of held) if (result.includes(secret)) result = result.replaceAll(secret, '***');
  return result;
}
