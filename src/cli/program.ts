/** The command line: what commands there are, their options and examples. Each command's work is in a file of its own. */
import { Argument, Command, CommanderError, Option } from 'commander';
import { describe, errno, UsageError } from '../errors.ts';
import { nearest } from '../nearest.ts';
import { createContext } from './context.ts';
import { examples } from './examples.ts';
import { addLive } from './live-command.ts';
import type { OnceOptions } from './once.ts';
import { addSpool } from './spool-command.ts';
import { addSteering } from './steer-command.ts';
import { version } from './version.ts';

/** Exit code for a mistake of ours, EX_SOFTWARE of sysexits.h. */
const EXIT_SOFTWARE = 70;
/** Exit code for a wrong command line, EX_USAGE of sysexits.h. */
const EXIT_USAGE = 64;
/** Exit code when standard output cannot be written, EX_IOERR of sysexits.h. */
const EXIT_IO = 74;

const configOption = (): Option =>
  new Option('-c, --config <file>', 'configuration; embedded defaults without one').env('TIDEGATE_CONFIG');
const hostOption = (): Option => new Option('--host <dir>', 'a recorded machine to read instead of this one');

function createProgram(): Command {
  const program = new Command('tidegate')
    .description('Samples this machine and the software on it, and delivers what it saw. Every event is accounted for.')
    .version(version(), '-V, --version')
    .option('--state <dir>', 'folder for state: spools, the default file (TIDEGATE_STATE)')
    .option(
      '--plugins <path>',
      'folder or package with sensors and sinks of your own; may be given again (TIDEGATE_PLUGINS)',
      (path: string, others: readonly string[] | undefined) => [...(others ?? []), path],
    )
    .showHelpAfterError('(see: tidegate --help)')
    .exitOverride()
    .addHelpText(
      'after',
      examples([
        ['tidegate', 'run with embedded defaults'],
        ['tidegate once', 'sample everything once and print it'],
        ['tidegate init > tidegate.yaml', 'write a commented configuration for this machine'],
        ['tidegate run -c tidegate.yaml', 'run with it'],
      ]),
    );
  addRunning(program);
  addHealth(program);
  addConfiguring(program);
  addWriting(program);
  addLooking(program);
  addLive(program);
  addSpool(program);
  addSteering(program);
  addVerifying(program);
  return program;
}

function addRunning(program: Command): void {
  program
    .command('run', { isDefault: true })
    .description('the service: samples until it is stopped (SIGTERM, SIGINT), reloads on SIGHUP')
    .addOption(configOption())
    .addOption(hostOption())
    .addHelpText(
      'after',
      examples([
        ['tidegate run -c tidegate.yaml', 'run with a configuration'],
        ['tidegate run --host fixtures/hosts/small', 'run on a recorded machine'],
      ]),
    )
    // A word that is no command comes here, because this one is the default.
    .allowExcessArguments()
    .action(async (_options, command: Command) => {
      refuseWords(program, command.args);
      await (await import('./run.ts')).run(command.optsWithGlobals(), createContext());
    });
  program
    .command('once')
    .description('samples every sensor once and prints what it saw')
    .argument('[sensors...]', 'only these, by name')
    .addOption(configOption())
    .addOption(hostOption())
    .addOption(
      new Option('-f, --format <format>', 'how to print it').choices(['table', 'json', 'msgpack', 'prometheus']).default('table'),
    )
    .addHelpText(
      'after',
      examples([
        ['tidegate once cpu memory', 'two sensors, for people'],
        ['tidegate once --format json | jq .type', 'everything, for programs'],
      ]),
    )
    .action(
      async (names: string[], _options, command: Command) =>
        await (await import('./once.ts')).once(names, command.optsWithGlobals(), createContext()),
    );
}

function addHealth(program: Command): void {
  program
    .command('health')
    .description('asks the running service whether it is well; exits 0, or 1 when it is not, does not answer or does not run')
    .addHelpText('after', examples([['tidegate health --state /state', 'for health checks of containers, and for supervisors']]))
    .action(
      async (_options, command: Command) =>
        await (await import('./health.ts')).health(command.optsWithGlobals(), createContext()),
    );
}

function refuseWords(program: Command, [word]: readonly string[]): void {
  if (word === undefined) return;
  const names = program.commands.map((command) => command.name());
  if (program.args[0] === 'run')
    throw new UsageError(`run takes no arguments, but was given ${JSON.stringify(word)}`, EXIT_USAGE);
  const near = nearest(word, names);
  const remedy = near ? `did you mean ${near}?` : `there is: ${names.join(', ')}`;
  throw new UsageError(`there is no command ${JSON.stringify(word)}; ${remedy}`, EXIT_USAGE);
}

function addConfiguring(program: Command): void {
  program
    .command('check')
    .description('reads the configuration and says every mistake in it; exits 0, or 78 when it is wrong')
    .addOption(configOption())
    .option('--connect', 'try the destinations, too: connect to each broker and open each file; nothing is sent')
    .addHelpText(
      'after',
      examples([
        ['tidegate check -c tidegate.yaml', 'before a reload'],
        ['tidegate check -c tidegate.yaml --connect', 'before the first start: are the brokers there, do they let us in?'],
      ]) +
        '\nWith --connect it also exits 78 where a destination refuses what the configuration says, 69 where one does not answer.',
    )
    .action(
      async (_options, command: Command) => await (await import('./check.ts')).check(command.optsWithGlobals(), createContext()),
    );
  program
    .command('init')
    .description('writes a commented configuration made from the schemas and from what this machine has')
    .argument('[file]', 'where to write it; standard output without one')
    .addOption(hostOption())
    .addHelpText('after', examples([['tidegate init tidegate.yaml', 'an existing file is never overwritten']]))
    .action(
      async (file: string | undefined, _options, command: Command) =>
        await (await import('./init.ts')).init(file, command.optsWithGlobals(), createContext()),
    );
  program
    .command('schema')
    .description('prints the JSON Schema of the configuration, for editors')
    .addHelpText('after', examples([['tidegate schema > tidegate.schema.json', "then name it in the editor's YAML settings"]]))
    .action(
      async (_options, command: Command) =>
        await (await import('./schema.ts')).schema(command.optsWithGlobals(), createContext()),
    );
  program
    .command('completion')
    .description('prints a completion script for a shell')
    .argument('<shell>', 'bash, zsh or fish')
    .addHelpText('after', examples([['source <(tidegate completion bash)', 'in ~/.bashrc']]))
    .action(async (shell: string) => (await import('./completion.ts')).completion(shell, program, createContext()));
}

function addWriting(program: Command): void {
  program
    .command('new')
    .description('writes a sensor or sink of your own that works, with its fixture and its test')
    .addArgument(new Argument('<kind>', 'what it is to be').choices(['sensor', 'sink']))
    .argument('<name>', 'its name: a-z, 0-9 and "_"')
    .option('--in <dir>', 'the folder of plugins', 'plugins')
    .addHelpText(
      'after',
      examples([
        ['tidegate new sensor tide', 'plugins/sensors/tide.ts, its fixture and its test'],
        ['tidegate once tide --plugins plugins', 'sample it'],
      ]),
    )
    .action(async (kind: 'sensor' | 'sink', name: string, options: { readonly in: string }) =>
      (await import('./new.ts')).newPlugin(kind, name, options.in, createContext()),
    );
}

function addLooking(program: Command): void {
  program
    .command('sensors')
    .description('what sensors there are, whether they work here and why not; with a name, its options and tables')
    .argument('[name]', 'one sensor')
    // Not from the environment: without the option it is about sensors, with it about a configuration.
    .option('-c, --config <file>', 'a configuration, whose sensors are sampled once')
    .addOption(hostOption())
    .addHelpText(
      'after',
      examples([
        ['tidegate sensors disk', 'options and tables of one sensor'],
        ['tidegate sensors -c tidegate.yaml', 'the sensors of a configuration, and what is wrong with their targets'],
      ]),
    )
    .action(async (name: string | undefined, _options, command: Command) => {
      const options = command.optsWithGlobals<OnceOptions>();
      if (options.config !== undefined)
        await (await import('./list-configured.ts')).listConfigured(name, options, createContext());
      else await (await import('./list.ts')).listSensors(name, options, createContext());
    });
  program
    .command('sinks')
    .description('what sinks there are; with a name, its options')
    .argument('[name]', 'one sink')
    .addHelpText('after', examples([['tidegate sinks file', 'options of one sink']]))
    .action(
      async (name: string | undefined, _options, command: Command) =>
        await (await import('./list.ts')).listSinks(name, command.optsWithGlobals(), createContext()),
    );
  program
    .command('record')
    .description('copies the files that the sensors read into a folder, for a fixture or a bug report')
    .argument('<dir>', 'a folder that is empty or not there')
    .addOption(configOption())
    .addOption(hostOption())
    .option('--name <name>', "host name to record instead of the machine's own")
    .option('--with-arguments', 'keep the arguments of processes, which may hold secrets')
    .addHelpText(
      'after',
      examples([
        ['tidegate record ./my-host', 'record this machine'],
        ['tidegate once --host ./my-host', 'sample the recording'],
      ]),
    )
    .action(
      async (dir: string, _options, command: Command) =>
        await (await import('./record-command.ts')).recordCommand(dir, command.optsWithGlobals(), createContext()),
    );
}

function addVerifying(program: Command): void {
  program
    .command('verify')
    .description('reads a topic, a queue or files; proves order and completeness, and says what is lost, missing and repeated')
    .argument('<source...>', 'kafka://HOST:PORT/TOPIC, amqp://USER@HOST/VHOST?queue=NAME, or files')
    .addOption(new Option('-f, --format <format>', 'how to print it').choices(['table', 'json']).default('table'))
    .option('--over', 'nothing more will come: what is still awaited is missing (kafka, amqp)')
    .option('--since <time>', 'only what was written since: 2h, 2026-01-02T03:04:05Z (kafka)')
    .option('--complete', 'the files take every event of their sensors: a missing number is a loss (files)')
    .option('--drain', 'take what is read out of the queue, instead of putting it back (amqp)')
    .option('--delivery-limit <times>', 'how often a message may come back to the queue (amqp; 20 for RabbitMQ 4 without it)')
    .option('--username <name>', 'who logs in')
    .option('--password-file <file>', 'file with the password')
    .addOption(
      new Option('--mechanism <name>', 'how the password is proved (kafka; scram-sha-512 without it)').choices([
        'plain',
        'scram-sha-256',
        'scram-sha-512',
      ]),
    )
    .option('--tls', 'speak TLS, also without the options below (kafka; amqps:// says it for RabbitMQ)')
    .option('--ca <file>', 'authorities that are trusted, PEM')
    .option('--cert <file>', 'certificate to show, PEM')
    .option('--key <file>', 'key of the certificate, PEM')
    .addHelpText(
      'after',
      examples([
        ['tidegate verify kafka://127.0.0.1:9092/telemetry', 'a topic, from its beginning to its end of now'],
        ["tidegate verify 'kafka://127.0.0.1:9092/telemetry.*'", 'several topics of one sink, together'],
        ["tidegate verify 'amqp://guest:guest@127.0.0.1/?queue=telemetry'", 'a queue; what is in it stays there'],
        ['tidegate verify events.ndjson', 'a file with its old ones beside it'],
      ]) +
        '\nExits 0 when everything is there, or its loss explained; 1 when not; 66 when there is nothing; 69 when a broker does not answer.',
    )
    .action(
      async (source: string[], _options, command: Command) =>
        await (await import('./verify.ts')).verify(source, command.optsWithGlobals(), createContext()),
    );
}

/** Runs the command of an argument vector. Sets the exit code; the process ends when nothing is left to do. */
export async function main(argv: readonly string[]): Promise<void> {
  const { out, err, paintErr } = createContext();
  // A reader that has read enough (`| head`) is no mistake, and a log that nobody reads any more does not end the service.
  err.on('error', () => {});
  out.on('error', (error) => {
    if (errno(error) === 'EPIPE') return;
    err.write(`${paintErr.red('error:')} standard output cannot be written: ${describe(error)}\n`);
    process.exitCode = EXIT_IO;
  });
  try {
    await createProgram().parseAsync(argv);
  } catch (error) {
    process.exitCode = explain(error, err, paintErr.red);
  }
}

/** Says what went wrong, the operator's mistakes without a stack, and returns the exit code. */
function explain(error: unknown, err: NodeJS.WriteStream, red: (text: string) => string): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : EXIT_USAGE;
  if (error instanceof UsageError) {
    err.write(`${red('error:')} ${error.message}\n`);
    return error.exitCode;
  }
  err.write(`${red('error:')} ${error instanceof Error ? (error.stack ?? error.message) : describe(error)}\n`);
  return EXIT_SOFTWARE;
}
