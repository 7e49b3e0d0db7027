/**
 * One run of a command, in a process group of its own.
 *
 * States: running; ending (SIGTERM was sent to the group, SIGKILL follows after `grace`); ended. A run has ended when its first process has
 * exited and nothing of its group is left: what it leaves behind is ended too, or it would hold the pipes, and each run would leave more.
 * What made itself a session of its own (setsid) has left the group and is not found.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import type { Clock } from '../clock.ts';
import { errno } from '../errors.ts';

/** How often a group that was asked to end is looked at, in milliseconds. */
const POLL_MS = 20;
/** How long what the first process printed may still be on its way when that has exited. */
const DRAIN_MS = 500;
/** A process in a system call that cannot be interrupted outlives SIGKILL; it is not waited for longer than this. */
const KILLED_MS = 1000;
/** What is kept of the error output, for messages, in characters. */
const SAID_MAX = 2048;

export interface Recipe {
  readonly arguments: readonly string[];
  readonly folder: string | undefined;
  readonly uid: number | undefined;
  readonly gid: number | undefined;
  readonly environment: Readonly<Record<string, string>>;
  /** Milliseconds between SIGTERM and SIGKILL. */
  readonly grace: number;
}

export interface Ending {
  /** Exit status; undefined when a signal ended it, or it did not begin. */
  readonly status: number | undefined;
  readonly signal: string | undefined;
  /** Why it could not be started. */
  readonly unstarted: string | undefined;
  /** The beginning of what it said to its error output. */
  readonly said: string;
  /** In seconds. */
  readonly duration: number;
}

export class ProcessGroup {
  readonly ended: Promise<Ending>;
  readonly #clock: Clock;
  readonly #grace: number;
  readonly #began: number;
  #child: ChildProcess | undefined;
  #said = '';
  #ending: Promise<void> | undefined;

  /** `take` is given what it prints. */
  constructor(recipe: Recipe, clock: Clock, take: (bytes: Buffer) => void) {
    this.#clock = clock;
    this.#grace = recipe.grace;
    this.#began = clock.monotonic();
    this.ended = this.#run(recipe, take);
  }

  /** How long it has run, in seconds. */
  get duration(): number {
    return (this.#clock.monotonic() - this.#began) / 1000;
  }

  /** Asks the group to end, and makes it after `grace`. Resolves when it is gone. Never rejects. */
  end(grace = this.#grace): Promise<void> {
    this.#ending ??= this.#end(grace);
    return this.#ending;
  }

  async #run(recipe: Recipe, take: (bytes: Buffer) => void): Promise<Ending> {
    const [command = '', ...args] = recipe.arguments;
    let exit: { status: number | undefined; signal: string | undefined } = { status: undefined, signal: undefined };
    try {
      const child = spawn(command, args, {
        stdio: ['ignore', 'pipe', 'pipe'],
        detached: true,
        env: recipe.environment,
        cwd: recipe.folder,
        uid: recipe.uid,
        gid: recipe.gid,
      });
      this.#child = child;
      const closed = new Promise<void>((resolve) => child.once('close', () => resolve()));
      const exited = new Promise<typeof exit>((resolve, reject) => {
        child.once('error', reject);
        child.once('exit', (code, signal) => resolve({ status: code ?? undefined, signal: signal ?? undefined }));
      });
      child.stdout.on('data', take);
      child.stderr.setEncoding('utf8').on('data', (text: string) => {
        if (this.#said.length < SAID_MAX) this.#said += text.slice(0, SAID_MAX);
      });
      exit = await exited;
      // Most leave nothing behind, and are done with that.
      await Promise.race([closed, this.#sleep(DRAIN_MS)]);
      if (this.#alive()) await this.end();
      child.stdout.destroy();
      child.stderr.destroy();
    } catch (error) {
      return { ...exit, unstarted: unstarted(error, command, recipe.folder), said: this.#said, duration: this.duration };
    }
    return { ...exit, unstarted: undefined, said: this.#said, duration: this.duration };
  }

  async #end(grace: number): Promise<void> {
    this.#kill('SIGTERM');
    // One that was stopped does not hear the other signal before it goes on.
    this.#kill('SIGCONT');
    if (await this.#gone(grace)) return;
    this.#kill('SIGKILL');
    await this.#gone(KILLED_MS);
  }

  async #gone(ms: number): Promise<boolean> {
    const until = this.#clock.monotonic() + ms;
    while (this.#alive()) {
      if (this.#clock.monotonic() >= until) return false;
      await this.#sleep(POLL_MS);
    }
    return true;
  }

  #sleep(ms: number): Promise<void> {
    return new Promise((resolve) => this.#clock.after(ms, resolve));
  }

  #kill(signal: NodeJS.Signals | 0): boolean {
    const pid = this.#child?.pid;
    if (pid === undefined) return false;
    try {
      return process.kill(-pid, signal);
    } catch (error) {
      return errno(error) === 'EPERM';
    }
  }

  /** Whether anything of the group still runs. The dead whom nobody has waited for do not. */
  #alive(): boolean {
    const pid = this.#child?.pid;
    return pid !== undefined && this.#kill(0) && hasLiving(pid);
  }
}

/** Whether a process of the group is more than dead: proc_pid_stat(5). Where there is no /proc, all that are there are. */
function hasLiving(group: number): boolean {
  let names: string[];
  try {
    names = readdirSync('/proc');
  } catch {
    return true;
  }
  return names.some((name) => {
    if (!/^\d+$/.test(name)) return false;
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'latin1');
      const [state, , pgrp] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      return pgrp === String(group) && state !== 'Z' && state !== 'X';
    } catch {
      return false;
    }
  });
}

function unstarted(error: unknown, command: string, folder: string | undefined): string {
  const code = errno(error);
  const where = folder === undefined ? '' : ` in ${folder}`;
  if (code === 'ENOENT')
    return `${command} cannot be started${where}: there is no such program${folder === undefined ? '' : ', or no such folder'}`;
  if (code === 'EACCES') return `${command} cannot be started${where}: it may not be executed`;
  return `${command} cannot be started${where}: ${code ?? String(error)}`;
}
