/**
 * A command that runs at each sample.
 *
 * A sample waits for its run. A run that may take longer than that goes on, which is an overrun; there is never a second one beside it. What
 * it came to is told by the first sample after its end, which begins the next run and does not wait for that.
 */
import { abortable } from '../abort.ts';
import type { Clock } from '../clock.ts';
import { describe } from '../errors.ts';
import { Mapping } from '../json/mapping.ts';
import { formatBytes, formatDuration } from '../options.ts';
import type { Nagios } from './nagios.ts';
import { type CommandOptions, statusesOf, tablesOf } from './options.ts';
import { type Ending, ProcessGroup, type Recipe } from './process-group.ts';
import { documentOf } from './records.ts';
import { type CommandResult, type CommandSampler, type Failure, failureOf, noCounts } from './result.ts';
import type { Sample } from './samples.ts';

/** The share of a sample's time that a run is waited for, so that what became of it can still be told. */
const SHARE = 0.9;
/** How long the service waits for what it ends when it stops, before it kills. In milliseconds. */
export const CLOSE_GRACE_MS = 1000;

interface Finished {
  readonly ending: Ending;
  readonly failure: Failure | undefined;
  readonly document: unknown;
  readonly size: number;
}

interface Running {
  readonly group: ProcessGroup;
  readonly done: Promise<void>;
  finished: Finished | undefined;
  /** Whether a sample has waited for it in vain. */
  late: boolean;
}

export class OnceSampler implements CommandSampler {
  readonly #given: CommandOptions;
  readonly #recipe: Recipe;
  readonly #clock: Clock;
  readonly #mapping: Mapping;
  /** How long a sample waits, and how long a run may take, in milliseconds. */
  readonly #patience: number;
  readonly #limit: number;
  readonly #counts = noCounts();
  #run: Running | undefined;
  #last: Finished | undefined;
  #closed = false;

  constructor(given: CommandOptions, recipe: Recipe, timeout: number, clock: Clock) {
    this.#given = given;
    this.#recipe = recipe;
    this.#clock = clock;
    this.#mapping = new Mapping(tablesOf(given), given.max_rows);
    this.#patience = SHARE * timeout;
    // The end of a run that is ended takes a while itself, which a sample waits for too.
    this.#limit = given.run_timeout ?? Math.max(this.#patience - given.grace, this.#patience / 2);
  }

  async sample(signal: AbortSignal, time: number): Promise<CommandResult> {
    const run = (this.#run ??= this.#begin());
    if (!run.finished) await this.#wait(run, signal);
    const { finished } = run;
    if (!finished) {
      this.#counts.overruns++;
      return this.#result(undefined, time);
    }
    this.#run = undefined;
    this.#last = finished;
    // It was too long for a sample once: the next one need not lose an interval as well.
    if (run.late && !this.#closed) this.#run = this.#begin();
    return this.#result(finished, time);
  }

  async close(): Promise<void> {
    this.#closed = true;
    const run = this.#run;
    if (!run) return;
    await run.group.end(Math.min(this.#given.grace, CLOSE_GRACE_MS));
  }

  async #wait(run: Running, signal: AbortSignal): Promise<void> {
    let cancel: () => void = () => {};
    const over = new Promise<void>((resolve) => {
      cancel = this.#clock.after(this.#patience, resolve);
    });
    try {
      await abortable(Promise.race([run.done, over]), signal);
    } finally {
      cancel();
      run.late ||= !run.finished;
    }
  }

  #begin(): Running {
    const { max_output: most, grace } = this.#given;
    const parts: Buffer[] = [];
    let size = 0;
    let ended: Failure | undefined;
    const give = (failure: Failure): void => {
      ended ??= failure;
      void group.end(grace);
    };
    const group = new ProcessGroup(this.#recipe, this.#clock, (bytes) => {
      size += bytes.length;
      if (size <= most) parts.push(bytes);
      else if (!ended)
        give({ kind: 'output', message: `it has printed more than max_output, ${formatBytes(most)}, and was ended` });
    });
    const cancel = this.#clock.after(this.#limit, () => {
      this.#counts.timeouts++;
      give({ kind: 'timeout', message: `it took longer than ${formatDuration(this.#limit)} and was ended` });
    });
    const done = group.ended.then((ending) => {
      cancel();
      run.finished = this.#finish(ending, ended, Buffer.concat(parts), size);
    });
    const run: Running = { group, done, finished: undefined, late: false };
    return run;
  }

  #finish(ending: Ending, ended: Failure | undefined, output: Buffer, size: number): Finished {
    this.#counts.runs++;
    let failure = ended ?? failureOf(ending, statusesOf(this.#given));
    let document: unknown;
    if (!failure) {
      try {
        document = documentOf(new TextDecoder().decode(output), ending.status ?? 0, this.#given);
        if (Array.isArray(document)) this.#counts.records += document.length;
        else this.#counts.records++;
      } catch (error) {
        failure = { kind: 'format', message: describe(error) };
      }
    }
    if (failure) this.#counts.failures++;
    return { ending, failure, document, size };
  }

  /** `fresh` is what this sample is the first to tell of. */
  #result(fresh: Finished | undefined, time: number): CommandResult {
    const last = fresh ?? this.#last;
    const told = fresh && !fresh.failure ? fresh : undefined;
    const nagios = told && this.#given.format === 'nagios' ? (told.document as Nagios) : undefined;
    return {
      up: last && !last.failure,
      running: this.#run !== undefined,
      status: fresh?.ending.status,
      duration: fresh ? fresh.ending.duration : this.#run?.group.duration,
      size: fresh?.size,
      failure: fresh?.failure,
      counts: { ...this.#counts },
      filled: told ? this.#mapping.fill(told.document, time / 1000) : [],
      nagios,
      samples:
        told && this.#given.format === 'prometheus' ? (told.document as Sample[]).slice(0, this.#given.max_rows) : undefined,
    };
  }
}
