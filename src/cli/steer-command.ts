/** How `tidegate drain`, `reload` and `log-level` are written: what changes a running service. */
import { Argument, type Command } from 'commander';
import { levelView } from '../http/view.ts';
import { createContext } from './context.ts';
import { examples } from './examples.ts';

const NEEDS =
  '\nA running service is asked through its socket. Exits 64 for what makes no sense, 69 when no service runs or it refuses.';

export function addSteering(program: Command): void {
  program
    .command('drain')
    .description('sets how fast a running sink empties its spool, until the next reload or start')
    .argument('<sink>', 'a sink to a broker, by its name')
    .argument('<rate>', 'events a second, auto, or configured: what the configuration says')
    .option('--bytes <rate>', 'bytes a second, such as 4MiB, or auto')
    .addHelpText(
      'after',
      examples([
        ['tidegate drain broker 5000', 'five thousand events a second'],
        ['tidegate drain broker auto --bytes 8MiB', 'above the peak of what comes in, and no more than 8 MiB a second'],
        ['tidegate drain broker configured', 'as the configuration says'],
      ]) + NEEDS,
    )
    .action(
      async (sink: string, rate: string, _options, command: Command) =>
        await (await import('./steer.ts')).drain({ sink, rate }, command.optsWithGlobals(), createContext()),
    );
  program
    .command('reload')
    .description('has the running service read its configuration again, and says what is wrong with it; as SIGHUP does')
    .addHelpText(
      'after',
      examples([['tidegate reload', 'exits 78 when the configuration is wrong; the old one stays in force']]) + NEEDS,
    )
    .action(
      async (_options, command: Command) => await (await import('./steer.ts')).reload(command.optsWithGlobals(), createContext()),
    );
  program
    .command('log-level')
    .description('sets the least severe message that the running service logs, until its next start')
    .addArgument(new Argument('<level>', 'the least severe').choices(levelView.shape.level.options))
    .addHelpText('after', examples([['tidegate log-level debug', 'while something is looked for']]) + NEEDS)
    .action(
      async (level: string, _options, command: Command) =>
        await (await import('./steer.ts')).logLevel(level, command.optsWithGlobals(), createContext()),
    );
}
