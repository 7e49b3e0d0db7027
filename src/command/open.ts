/** Opens a command: what is known before the first run, and what is said of it. */
import { existsSync } from 'node:fs';
import { type Clock, systemClock } from '../clock.ts';
import { Complaints } from '../complaints.ts';
import { Unavailable } from '../errors.ts';
import type { SensorContext } from '../sensor.ts';
import { accountOf } from './account.ts';
import { OnceSampler } from './once.ts';
import { argumentsOf, type CommandOptions } from './options.ts';
import type { Recipe } from './process-group.ts';
import type { CommandSampler } from './result.ts';
import { StreamSampler } from './stream.ts';

/** Throws `Unavailable` for a user, a group or a folder that there is not. A program that there is not may come, and is a failure of the run. */
export function openCommand(given: CommandOptions, context: SensorContext, clock: Clock = systemClock): CommandSampler {
  if (given.folder !== undefined && !existsSync(given.folder)) throw new Unavailable(`the folder ${given.folder} is not there`);
  const recipe: Recipe = {
    ...accountOf(given),
    arguments: argumentsOf(given),
    folder: given.folder,
    grace: given.grace,
  };
  const sampler =
    given.mode === 'stream' ? new StreamSampler(given, recipe, clock) : new OnceSampler(given, recipe, context.timeout, clock);
  const complaints = new Complaints(context);
  return {
    async sample(signal, time) {
      const result = await sampler.sample(signal, time);
      // While a run goes on nothing is known of it yet.
      if (signal.aborted || (given.mode === 'once' && result.duration !== undefined && result.size === undefined)) return result;
      complaints.tell('the command', result.failure?.message);
      for (const { name, problem } of result.filled) complaints.tell(`table ${name}`, problem);
      return result;
    },
    close: () => sampler.close(),
  };
}
