/** Calls to the worker of a sink, whose deadlines belong to whoever runs the sink. */
import type { Clock } from '../clock.ts';
import { SinkError } from '../errors.ts';
import type { WorkerLink } from './link.ts';

/** How long a call may go on after its signal has aborted, before its worker is ended, in milliseconds. */
const GRACE_MS = 1000;
/** The deadline of a call is the runner's, who aborts its signal; none takes longer than the longest that can be configured, in milliseconds. */
const CALL_MS = 3_600_000 + GRACE_MS;

/** Rejects with a `SinkError`. Once its signal has aborted, the call has GRACE_MS to heed it; a worker that then still works is ended. */
export async function callSink(
  link: WorkerLink,
  clock: Clock,
  method: 'connect' | 'write',
  value: unknown,
  signal: AbortSignal,
): Promise<unknown> {
  let cancel: () => void = () => {};
  const late = (): void => {
    cancel = clock.after(GRACE_MS, () => link.stop());
  };
  signal.addEventListener('abort', late, { once: true });
  try {
    return await link.call(method, value, CALL_MS, signal);
  } catch (error) {
    if (error instanceof SinkError) throw error;
    throw new SinkError('transient', error instanceof Error ? error.message : String(error), { cause: error });
  } finally {
    cancel();
    signal.removeEventListener('abort', late);
  }
}
