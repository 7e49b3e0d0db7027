/** The terminal that a process was started from, tty(4). */
import { closeSync, openSync } from 'node:fs';

/**
 * Says whenever it is asked whether that terminal is gone. A process whose output goes elsewhere (a file, a supervisor, `nohup`) has none to
 * lose.
 */
export function terminalOf({ isTTY }: NodeJS.WriteStream): () => boolean {
  const had = isTTY && isThere();
  return () => had && !isThere();
}

function isThere(): boolean {
  try {
    closeSync(openSync('/dev/tty', 'r+'));
    return true;
  } catch {
    return false;
  }
}
