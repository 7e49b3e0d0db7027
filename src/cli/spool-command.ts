/** How `tidegate spool` is written: its words, options and examples. */
import { Argument, type Command, Option } from 'commander';
import { createContext } from './context.ts';
import { examples } from './examples.ts';
import { SPOOL_ACTIONS, type SpoolAction } from './spool-action.ts';

export function addSpool(program: Command): void {
  program
    .command('spool')
    .description("looks into a broker sink's spool and its dead letters; exports them, sends dead letters again, gives events up")
    .argument('[sink]', 'which sink, by its name; all of them without it')
    .addArgument(new Argument('[action]', 'what to do; says what there is without it').choices(SPOOL_ACTIONS))
    .argument(
      '[words...]',
      'show: a sequence RUN/LANE/N or the number of a dead letter; export: a file; retry, discard: numbers of dead letters',
    )
    .option('--dead', 'dead letters instead of what is spooled (list, export)')
    .option('--limit <count>', 'so many at most, 0 for all (list)', '20')
    .option('--all', 'all dead letters (retry, discard)')
    .option('--spooled', 'everything that is spooled instead of dead letters (discard)')
    .option('--yes', 'do what cannot be undone (discard --spooled)')
    .addOption(new Option('-f, --format <format>', 'how to print it').choices(['table', 'json']).default('table'))
    .addHelpText(
      'after',
      examples([
        ['tidegate spool', 'all spools: how much is in them, since when'],
        ['tidegate spool broker', 'one: its lanes, dead letters by reason, losses that are to be told'],
        ['tidegate spool broker list --dead', 'dead letters, with their numbers'],
        ['tidegate spool broker show 7', 'dead letter 7, decoded'],
        ['tidegate spool broker export spool.ndjson', 'everything that is spooled, one JSON object a line'],
        ['tidegate spool broker retry --all', 'send all dead letters again'],
        ['tidegate spool broker discard 7 8', 'forget two of them'],
        ['tidegate spool broker discard --spooled --yes', 'give up what is spooled; the far end is told'],
      ]) +
        '\nA running service is asked through its socket; without one the folder is read, and looking changes nothing in it.' +
        '\npause holds a running sink back, resume lets it go on, probe has it try a broker that does not answer at once.' +
        '\nExits 64 for a wrong name or number, 65 for the spool of a newer release, 66 when there is nothing, 69 when it is in use or needs a' +
        '\nrunning service, 73 when an export cannot be written, 74 when the spool cannot be read.',
    )
    .action(
      async (sink: string | undefined, action: SpoolAction | undefined, words: string[], _options, command: Command) =>
        await (await import('./spool.ts')).spool({ sink, action, words }, command.optsWithGlobals(), createContext()),
    );
}
