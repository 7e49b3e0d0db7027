/** When a command that runs on and on ends: nobody wants more. */
import { once } from 'node:events';

/** As a shell tells of a process that a signal ended. */
const EXITS = { SIGINT: 130, SIGTERM: 143 } as const;

export interface Ending {
  /** Aborts on SIGINT, on SIGTERM, and when standard output cannot be written any more. */
  readonly signal: AbortSignal;
  /** Hears no signal any more. */
  release(): void;
}

/** Listens. A signal sets the exit code; a reader that has read enough (`| head`) leaves it as it is. */
export function listenForEnd(out: NodeJS.WriteStream): Ending {
  const controller = new AbortController();
  const gone = (): void => controller.abort();
  const heard = Object.entries(EXITS).map(([name, code]) => {
    const listener = (): void => {
      process.exitCode = code;
      controller.abort();
    };
    process.once(name, listener);
    return () => process.off(name, listener);
  });
  out.once('error', gone).once('close', gone);
  return {
    signal: controller.signal,
    release() {
      for (const forget of heard) forget();
      out.off('error', gone).off('close', gone);
    },
  };
}

/** Writes, and waits until there is room for more. Rejects when the signal aborts meanwhile. */
export async function writeAll(out: NodeJS.WriteStream, text: string | Uint8Array, signal: AbortSignal): Promise<void> {
  if (!out.write(text)) await once(out, 'drain', { signal });
}
