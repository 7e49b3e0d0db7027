/** Where targets come from: the configuration, files, DNS. Each source tells its targets when it knows them and when they change. */
import type { LabelMap } from '../event.ts';

/** A target as a source names it. */
export interface Found {
  readonly target: string;
  readonly labels: LabelMap;
}

export interface Source {
  /** Begins to look. `changed` is called with all targets of this source, never before this returns. Resolves when the first look is done. */
  start(changed: (found: readonly Found[]) => void): Promise<void>;
  /** What is wrong with finding targets now; those found before stay. */
  readonly problem: string | undefined;
  stop(): void;
}

/** Calls a look again and again, each after the one before has ended. */
export function repeated(ms: number, after: (ms: number, fn: () => void) => () => void, look: () => Promise<void>): () => void {
  let stopped = false;
  let cancel: () => void = () => {};
  const plan = (): void => {
    if (stopped) return;
    cancel = after(ms, () => void look().finally(plan));
  };
  plan();
  return () => {
    stopped = true;
    cancel();
  };
}
