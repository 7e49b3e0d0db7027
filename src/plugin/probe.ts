/**
 * A plugin's file before it runs: what it says of itself, and whether options are right for it. Both are asked of a worker, which ends
 * IDLE_MS after the last question, so that nothing of the plugin runs in the service's own process.
 */
import type * as z from 'zod';
import { systemClock } from '../clock.ts';
import { describe } from '../errors.ts';
import type { Schema } from '../event.ts';
import type { PluginFile } from './find.ts';
import { WorkerLink } from './link.ts';
import { schemaOf } from './tables.ts';
import type { Checked, Description } from './wire.ts';

/** How long a plugin may take to be imported and to describe itself, in milliseconds. */
const DESCRIBE_MS = 10_000;
const IDLE_MS = 500;

type Issue = z.core.$ZodIssue;

export class Probe {
  readonly #file: PluginFile;
  #link: WorkerLink | undefined;
  #open = 0;
  #cancelIdle: () => void = () => {};

  constructor(file: PluginFile) {
    this.#file = file;
  }

  async describe(): Promise<Description> {
    return (await this.#ask('describe', undefined)) as Description;
  }

  /** What is wrong with options, as the plugin's own schema has it, or what follows from them: see `Checked`. */
  async check(
    options: unknown,
  ): Promise<Omit<Checked, 'issues' | 'emits'> & { issues: readonly Issue[]; emits: readonly Schema[] }> {
    const checked = (await this.#ask('check', options)) as Checked;
    return { ...checked, issues: checked.issues as Issue[], emits: checked.emits.map(schemaOf) };
  }

  async #ask(method: 'describe' | 'check', value: unknown): Promise<unknown> {
    const { file, name, kind, memoryBytes } = this.#file;
    this.#cancelIdle();
    this.#open++;
    if (this.#link?.why !== undefined) this.#link = undefined;
    const link = (this.#link ??= new WorkerLink({ file, name, kind }, { memoryBytes, notice: () => {} }));
    try {
      return await link.call(method, value, DESCRIBE_MS);
    } catch (error) {
      throw new Error(`${file}: ${describe(error)}`, { cause: error });
    } finally {
      this.#open--;
      if (this.#open === 0) this.#cancelIdle = systemClock.after(IDLE_MS, () => this.#link?.stop());
    }
  }
}
