/**
 * A vendor's tool as a process that can be killed with all that it started.
 *
 * It is the leader of its own process group, has no input, and of our environment only what finding and loading it takes: secrets that a
 * configuration takes from variables are none of its business. Its words are English (`LC_ALL=C`).
 */
import { type ChildProcess, spawn } from 'node:child_process';

const INHERITED = /^(PATH|HOME|LD_LIBRARY_PATH|ROCM_.*|HIP_.*|NVIDIA_.*|CUDA_.*|ZE_.*|SystemRoot)$/;
/** How much of what it says is kept for a message, in characters. */
const EXCERPT_MAX = 200;

export type Command = readonly [string, ...string[]];

export function startTool([file, ...args]: Command): ChildProcess {
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => INHERITED.test(name)));
  return spawn(file, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
    cwd: '/',
    env: { ...env, LC_ALL: 'C' },
    windowsHide: true,
  });
}

/** Never waits: a process that is stuck in the kernel dies when the kernel lets it, or never. */
export function killTool(child: ChildProcess): void {
  child.stdout?.destroy();
  child.stderr?.destroy();
  if (child.pid === undefined) return;
  if (process.platform === 'win32') child.kill('SIGKILL');
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch {
    // It is gone, or it is another user's, as what sudo starts is.
  }
}

/** The name of a tool for messages. */
export const toolName = ([file]: Command): string => file.replace(/^.*[/\\]/, '');

/** The first words of what a tool wrote, for a message; empty when it wrote nothing. */
export function excerpt(text: string): string {
  const line = text.replace(/\s+/g, ' ').trim().slice(0, EXCERPT_MAX);
  return line === '' ? '' : `: ${JSON.stringify(line)}`;
}
