/**
 * Collects V8's garbage at once. V8 knows the size of its own heap, and little of the buffers that hang on it: where many are let go and
 * few objects are made, it waits until tens of megabytes are garbage.
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

type Collect = (options: { type: 'major'; execution: 'async' }) => Promise<void>;
let collect: Collect | undefined;
let collecting: Promise<void> | undefined;

/** In a turn of its own, where no caller holds on to what is garbage. Who asks while it waits for its turn shares it. */
export async function collectGarbage(): Promise<void> {
  collect ??= exposed();
  collecting ??= collect({ type: 'major', execution: 'async' }).finally(() => {
    collecting = undefined;
  });
  await collecting;
}

/** Only a context that is made while the flag is set has the function. */
function exposed(): Collect {
  setFlagsFromString('--expose-gc');
  try {
    return runInNewContext('gc') as Collect;
  } finally {
    setFlagsFromString('--no-expose-gc');
  }
}
