/**
 * Who in this process writes which file. Two sinks on one file are a mistake that is refused; the same sink, opened anew after a call
 * that hung, waits until its former self has let go, because that may still be about to cut the file.
 */
import { abortable } from '../abort.ts';
import { SinkError } from '../errors.ts';

interface Claim {
  readonly sink: string;
  readonly released: Promise<void>;
}

const claims = new Map<string, Claim>();

/** Claims a path, without links, for a sink. Returns what releases it. Rejects with `misconfigured` when another sink has it. */
export async function claim(path: string, sink: string, signal: AbortSignal): Promise<() => void> {
  for (let held = claims.get(path); held; held = claims.get(path)) {
    if (held.sink !== sink) {
      throw new SinkError('misconfigured', `${path} is written by the sink ${held.sink} already: give each a path of its own`);
    }
    await abortable(held.released, signal);
  }
  const { promise, resolve } = Promise.withResolvers<void>();
  claims.set(path, { sink, released: promise });
  return () => {
    claims.delete(path);
    resolve();
  };
}
