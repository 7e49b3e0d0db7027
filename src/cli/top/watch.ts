/**
 * `tidegate top` on a terminal: looks at the service each interval, and draws when something changes: the status, the size, what was typed.
 *
 *   first status ──▶ screen ◀──▶ suspended (Ctrl-Z, fg)
 *                      │
 *                      └── q, Ctrl-C, a signal, the terminal is closed, an error ──▶ terminal as it was
 *
 * A service that goes away is asked again each interval; what it told last stays to be seen.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { standardOutput } from '../../output.ts';
import { Away, notThere } from '../live/service.ts';
import { signsFor } from '../live/text.ts';
import type { Looking } from './looking.ts';
import { SORTS } from './order.ts';
import { type Action, actionsOf, Screen } from './screen.ts';
import { type Choice, FIRST_CHOICE, nextOf, type Seen, screenful, VIEWS } from './screenful.ts';

/** Those that end a process and can be caught. */
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'] as const;

export async function watch(looking: Looking): Promise<void> {
  const { service, address, context, colours } = looking;
  const ending = new AbortController();
  let signal: NodeJS.Signals | undefined;
  const end = (name: NodeJS.Signals): void => {
    signal = name;
    ending.abort();
  };
  for (const name of SIGNALS) process.on(name, end);
  const keys = process.stdin.isTTY ? process.stdin : undefined;
  const screen = new Screen({ output: standardOutput(), terminal: context.out, keys, colours });
  try {
    // Before the terminal is taken: what is said of a service that is not there stays to be read.
    const status = await service.status(ending.signal);
    await new Watch(looking, screen, { status, away: undefined }, ending).run(keys);
  } catch (error) {
    if (!ending.signal.aborted) throw notThere(error, address);
  } finally {
    await screen.close();
    for (const name of SIGNALS) process.off(name, end);
  }
  // So that whoever waits for this process learns how it ended.
  if (signal) process.kill(process.pid, signal);
}

class Watch {
  readonly #looking: Looking;
  readonly #screen: Screen;
  readonly #ending: AbortController;
  #seen: Seen;
  #choice: Choice = FIRST_CHOICE;

  constructor(looking: Looking, screen: Screen, seen: Seen, ending: AbortController) {
    this.#looking = looking;
    this.#screen = screen;
    this.#seen = seen;
    this.#ending = ending;
  }

  async run(keys: NodeJS.ReadStream | undefined): Promise<void> {
    const { out } = this.#looking.context;
    const redraw = (): void => {
      this.#screen.forget();
      this.#draw();
    };
    const resume = (): void => {
      this.#screen.enter();
      this.#draw();
    };
    const suspend = (): void => this.#suspend();
    const typed = (text: string | Buffer): void => {
      for (const action of actionsOf(String(text))) this.#act(action);
      this.#draw();
    };
    const quit = (): void => this.#ending.abort();
    this.#choice = { ...this.#choice, keys: keys !== undefined };
    out.on('resize', redraw);
    process.on('SIGCONT', resume).on('SIGTSTP', suspend);
    keys?.on('data', typed).once('end', quit).once('error', quit);
    try {
      resume();
      await this.#look();
    } finally {
      out.off('resize', redraw);
      process.off('SIGCONT', resume).off('SIGTSTP', suspend);
      keys?.off('data', typed).off('end', quit).off('error', quit);
    }
  }

  /** Until the end, or what asking again does not help. */
  async #look(): Promise<void> {
    const { service, intervalMs } = this.#looking;
    const { signal } = this.#ending;
    while (!signal.aborted) {
      await sleep(intervalMs, undefined, { signal }).catch(() => {});
      if (signal.aborted || this.#choice.paused) continue;
      try {
        const status = await service.status(signal);
        // What was asked for before the screen was held still does not move it.
        if (this.#choice.paused) continue;
        this.#seen = { status, away: undefined };
      } catch (error) {
        if (signal.aborted) return;
        if (!(error instanceof Away)) throw error;
        this.#seen = { ...this.#seen, away: { since: this.#seen.away?.since ?? Date.now(), why: error.message } };
      }
      this.#draw();
    }
  }

  #draw(): void {
    if (this.#ending.signal.aborted) return;
    const signs = signsFor(this.#looking.context.env);
    this.#screen.show(screenful(this.#seen, this.#choice, this.#screen.size, Date.now(), signs));
  }

  #act(action: Action): void {
    const choice = this.#choice;
    const page = Math.max(1, this.#screen.size.rows - 6);
    switch (action) {
      case 'quit':
        return this.#ending.abort();
      case 'suspend':
        return this.#suspend();
      case 'redraw':
        return this.#screen.forget();
      case 'sort':
        return this.#choose({ sort: nextOf(SORTS, choice.sort), scroll: 0 });
      case 'view':
        return this.#choose({ view: nextOf(VIEWS, choice.view), scroll: 0 });
      case 'pause':
        return this.#choose({ paused: !choice.paused });
      case 'up':
        return this.#choose({ scroll: choice.scroll - 1 });
      case 'down':
        return this.#choose({ scroll: choice.scroll + 1 });
      case 'page-up':
        return this.#choose({ scroll: choice.scroll - page });
      case 'page-down':
        return this.#choose({ scroll: choice.scroll + page });
      case 'home':
        return this.#choose({ scroll: 0 });
    }
  }

  #choose(change: Partial<Choice>): void {
    const choice = { ...this.#choice, ...change };
    const { sinks, sensors } = this.#seen.status;
    const rows = choice.view === 'sinks' ? sinks.length : sensors.length;
    this.#choice = { ...choice, scroll: Math.max(0, Math.min(choice.scroll, rows - 1)) };
  }

  /** As Ctrl-Z has it: the shell goes on, and `fg` brings us back. */
  #suspend(): void {
    this.#screen.leave();
    process.kill(process.pid, 'SIGSTOP');
  }
}
