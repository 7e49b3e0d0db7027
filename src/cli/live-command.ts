/** How `tidegate top` and `tidegate tap` are written: their words, options and examples. */
import { type Command, Option } from 'commander';
import { createContext } from './context.ts';
import { examples } from './examples.ts';

const EXITS =
  '\nExits 64 for a wrong option, 66 for a file that is not there, 69 when no service answers, 77 when it wants a token, 130 on Ctrl-C.';

/** Where the service is: the same for both. */
const withAddress = (command: Command): Command =>
  command
    .option('--url <url>', 'a service elsewhere, such as http://127.0.0.1:8433; the one with this folder for state without it')
    .option('--token-file <file>', 'file with the token for --url (or TIDEGATE_TOKEN holds it)')
    .option('--ca <file>', 'certificates to trust for --url https://…, PEM')
    .option('--no-color', 'no colours (nor with NO_COLOR)');

export function addLive(program: Command): void {
  withAddress(
    program
      .command('top')
      .description('a live view of the running service: rates, queues, spools, breakers, sensors, and what is not well'),
  )
    .option('--interval <duration>', 'from one look to the next', '1s')
    .option('--count <number>', 'so many snapshots, one below the other, then end')
    .option('--once', 'one snapshot, as --count 1')
    .addOption(new Option('-f, --format <format>', 'how to print it').choices(['table', 'json']).default('table'))
    .addHelpText(
      'after',
      examples([
        ['tidegate top', 'the service of this folder for state; q quits'],
        ['tidegate top --url http://edge-7:8433 --token-file token', 'one elsewhere'],
        ['tidegate top --once', 'one snapshot, as text'],
        ['tidegate top --format json --interval 10s', 'one JSON object a line, every ten seconds'],
      ]) +
        '\nKeys: q quits, p pauses, s sorts, tab shows sinks or sensors alone, up and down scroll.' +
        EXITS,
    )
    .action(
      async (_options, command: Command) => await (await import('./top/top.ts')).top(command.optsWithGlobals(), createContext()),
    );
  withAddress(
    program
      .command('tap')
      .description('the events of the running service as they go by')
      .argument(
        '[patterns...]',
        "only types that match one of these, such as system.disk or 'system.*'; none that matches a '!…'",
      ),
  )
    .addOption(
      new Option('-f, --format <format>', 'a line an event, its rows as a table, or JSON')
        .choices(['line', 'table', 'json'])
        .default('line'),
    )
    .option('--sensor <names...>', 'only events of these sensors, by name')
    .option('--count <number>', 'so many events, then end')
    .option('--rate <number>', 'so many events a second at most; the others are left out and counted')
    .option('--rows <number>', 'rows of a table that are shown', '20')
    .addHelpText(
      'after',
      examples([
        ['tidegate tap', 'all events, a line each'],
        ["tidegate tap 'system.*' '!system.cpu'", 'types by pattern'],
        ['tidegate tap --sensor disk --format table', 'one sensor, with its rows below each other'],
        ['tidegate tap --format json --count 100 | jq .type', 'a hundred events, for programs'],
      ]) +
        '\nWhat goes by faster than it is taken is left out and counted on standard error; the service is never held up.' +
        EXITS,
    )
    .action(
      async (patterns: string[], _options, command: Command) =>
        await (await import('./tap/tap.ts')).tap(patterns, command.optsWithGlobals(), createContext()),
    );
}
