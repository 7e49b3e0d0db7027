/** `tidegate verify SOURCE`: reads a topic, a queue or files, and says whether everything is there, once, in order. */
import { UsageError } from '../errors.ts';
import { parseDuration } from '../options.ts';
import { Audit } from '../verify/audit.ts';
import { EXIT_NO_INPUT, EXIT_USAGE, type Reading } from '../verify/reading.ts';
import { parseSource, type Source } from '../verify/source.ts';
import { judge, type Verdict } from '../verify/verdict.ts';
import type { Context } from './context.ts';
import { Progress } from './progress.ts';
import { toJson, toText } from './verify-report.ts';

/** Exit code of a command that SIGINT ended, as a shell tells it. */
const EXIT_INTERRUPTED = 130;
const EXIT: Readonly<Record<Verdict, number>> = {
  complete: 0,
  explained: 0,
  partial: 0,
  unfinished: 1,
  faulty: 1,
  empty: EXIT_NO_INPUT,
};

export interface VerifyOptions {
  readonly format: 'table' | 'json';
  /** Only what is younger than this; Kafka only. */
  readonly since?: string;
  readonly complete?: boolean;
  readonly drain?: boolean;
  /** How often a message of the queue may come back; a number. */
  readonly deliveryLimit?: string;
  /** Nothing more will come. */
  readonly over?: boolean;
  readonly username?: string;
  readonly passwordFile?: string;
  readonly mechanism?: 'plain' | 'scram-sha-256' | 'scram-sha-512';
  readonly tls?: boolean;
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
}

/** Reads, judges, prints, and sets the exit code. */
export async function verify(words: readonly string[], options: VerifyOptions, context: Context): Promise<void> {
  const source = parseSource(words);
  refuse(source, options);
  let doing = (): string => `looking for ${words.join(' ').replace(PASSWORD, '$1:***@')}`;
  const progress = new Progress(context, () => doing());
  let reading: Reading | undefined;
  try {
    reading = await openReading(source, options);
    const by = source.kind === 'files' ? 'id' : 'sequence';
    const audit = new Audit({ by, from: reading.from });
    let done = 0;
    const { total } = reading;
    doing = () => `${audit.messages} messages read${share(done, total)}; Ctrl-C judges what has been read`;
    const stopped = await readAll(reading, audit, (now) => {
      done = now;
      progress.show();
    });
    progress.end();
    const { complete = false, over = false } = options;
    const result = audit.result(over || by === 'id');
    const judged = judge(result, { by, complete, whole: reading.whole() && !stopped });
    const early = stopped ? ['It was stopped before the end: this is what had been read by then.'] : [];
    const report = { what: reading.what, by, remarks: [...reading.remarks(), ...early], result, judged } as const;
    context.out.write(options.format === 'json' ? toJson(report) : toText(report, context));
    process.exitCode = stopped && judged.verdict !== 'faulty' ? EXIT_INTERRUPTED : EXIT[judged.verdict];
  } finally {
    progress.end();
    await reading?.close();
  }
}

/** Reads into the audit, to the end or to the first Ctrl-C; the second one ends the process. Returns whether it was stopped. */
async function readAll(reading: Reading, audit: Audit, progress: (done: number) => void): Promise<boolean> {
  const stopped = new AbortController();
  const stop = (): void => stopped.abort();
  process.once('SIGINT', stop);
  try {
    await reading.read((message) => audit.take(message), progress, stopped.signal);
  } finally {
    process.removeListener('SIGINT', stop);
  }
  return stopped.signal.aborted;
}

/** Options that mean nothing for a source. */
function refuse({ kind }: Source, options: VerifyOptions): void {
  const only = (option: string, given: unknown, kinds: readonly Source['kind'][]): void => {
    if (given === undefined || kinds.includes(kind)) return;
    throw new UsageError(`${option} is for ${kinds.join(' and ')} only, and this is ${kind}: leave it out`, EXIT_USAGE);
  };
  only('--since', options.since, ['kafka']);
  only('--complete', options.complete, ['files']);
  only('--drain', options.drain, ['amqp']);
  only('--delivery-limit', options.deliveryLimit, ['amqp']);
  only('--over', options.over, ['kafka', 'amqp']);
  only('--mechanism', options.mechanism, ['kafka']);
  only('--tls', options.tls, ['kafka']);
  for (const name of ['username', 'ca', 'cert', 'key'] as const) only(`--${name}`, options[name], ['kafka', 'amqp']);
  only('--password-file', options.passwordFile, ['kafka', 'amqp']);
  if ((options.username === undefined) !== (options.passwordFile === undefined)) {
    throw new UsageError('--username and --password-file belong together: give both', EXIT_USAGE);
  }
}

/** Clients of brokers are loaded by those who need them: loading them takes longer than everything else here. */
async function openReading(source: Source, options: VerifyOptions): Promise<Reading> {
  if (source.kind === 'files') {
    return await (await import('../verify/files.ts')).openFiles(source.patterns, { complete: options.complete ?? false });
  }
  const { username, passwordFile, mechanism = 'scram-sha-512', ca, cert, key } = options;
  const files = { ...(ca !== undefined && { ca }), ...(cert !== undefined && { cert }), ...(key !== undefined && { key }) };
  const tls = options.tls || Object.keys(files).length > 0 ? files : undefined;
  const login = username !== undefined && passwordFile !== undefined ? { username, password_file: passwordFile } : undefined;
  if (source.kind === 'kafka') {
    const { openKafka } = await import('../verify/kafka.ts');
    return await openKafka(source, { since: sinceOf(options.since), sasl: login && { mechanism, ...login }, tls });
  }
  const { openRabbitmq } = await import('../verify/rabbitmq.ts');
  const user = login && { user: login.username, password_file: login.password_file };
  const deliveryLimit = limitOf(options.deliveryLimit);
  return await openRabbitmq(source, { drain: options.drain ?? false, deliveryLimit, login: user, tls });
}

function limitOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^\d{1,9}$/.test(text)) throw new UsageError(`--delivery-limit ${text}: expected a whole number, such as 20`, EXIT_USAGE);
  return Number(text);
}

/** Unix time in milliseconds. */
function sinceOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const ms = parseDuration(text);
  const at = ms === undefined ? Date.parse(text) : Date.now() - ms;
  if (Number.isNaN(at))
    throw new UsageError(`--since ${text}: expected a duration such as 2h, or a time such as 2026-01-02T03:04:05Z`, EXIT_USAGE);
  return at;
}

/** What is before the @ of a URL, in two parts. */
const PASSWORD = /(:\/\/[^:/@\s]*):[^@/\s]*@/g;

const share = (done: number, total: number | undefined): string =>
  total === undefined || total === 0 ? '' : `, ${Math.min(100, Math.floor((100 * done) / total))} %`;
