/** Asks a name server for one name. */
import { Resolver } from 'node:dns/promises';
import { errno } from '../errors.ts';
import { untilAborted } from './connect.ts';
import type { TargetOptions } from './options.ts';
import { PingFailure, type Seen, type Stopwatch } from './ping.ts';

const REASONS: Readonly<Record<string, string>> = {
  ENOTFOUND: 'there is no such name',
  ENODATA: 'the name has no such record',
  ESERVFAIL: 'the name server has failed',
  EREFUSED: 'the name server refuses',
  ECONNREFUSED: 'the name server is not there',
  ETIMEOUT: 'the name server does not answer',
};

/** `timeoutMs` is a limit of the resolver's own beside the signal, so that it lets go of its sockets. */
export async function askDns(
  name: string,
  { record = 'A', server, answer }: Pick<TargetOptions, 'record' | 'server' | 'answer'>,
  timeoutMs: number,
  watch: Stopwatch,
  seen: Seen,
  signal: AbortSignal,
): Promise<void> {
  const resolver = new Resolver({ timeout: Math.ceil(timeoutMs), tries: 1 });
  if (server !== undefined) resolver.setServers([server]);
  let answers: readonly unknown[];
  try {
    answers = (await untilAborted(resolver.resolve(name, record), signal)) as readonly unknown[];
  } catch (error) {
    resolver.cancel();
    const code = errno(error);
    if (signal.aborted || code === undefined) throw error;
    throw new PingFailure(
      code === 'ETIMEOUT' ? 'timeout' : 'answer',
      `${name} ${record}: ${REASONS[code] ?? 'no answer'} (${code})`,
    );
  }
  watch.mark('dns');
  seen.answers = answers.length;
  const texts = answers.map((one) => (typeof one === 'string' ? one : JSON.stringify(one)));
  if (answers.length === 0) throw new PingFailure('answer', `${name} ${record}: there is no answer`);
  if (answer && !texts.some((text) => answer.test(text)))
    throw new PingFailure('answer', `${name} ${record}: no answer matches ${answer.source}: ${texts.join(', ').slice(0, 200)}`);
}
