/**
 * ICMP by the command ping, since a process without privileges cannot send it itself. One packet; the process is killed when it is given up.
 * Formats: iputils, BusyBox, macOS and the BSDs, which agree on `time=0.045 ms`.
 */
import { spawn } from 'node:child_process';
import { errno } from '../errors.ts';
import { PingFailure } from './ping.ts';

/** The command says little; what is more is not kept. */
const OUTPUT_MAX = 16_384;

export interface PingOutput {
  /** Exit status; null when it was killed. */
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** The command, and arguments before the host. */
export type PingCommand = readonly [string, ...string[]];
export const PING: PingCommand = ['ping', '-n', '-c', '1'];

/** The round trip in seconds; how long the command takes to start is no part of it. */
export async function askPing(host: string, command: PingCommand, signal: AbortSignal): Promise<number> {
  return roundTrip(host, await run([...command, host], signal));
}

/** What the command says: the round trip in seconds. Throws `PingFailure`. */
export function roundTrip(host: string, { code, out, err }: PingOutput): number {
  const [, number, unit] = /\btime[=<]([\d.]+) ?(ms|s|us)?/.exec(out) ?? [];
  if (code === 0 && number !== undefined) return Number(number) / (unit === 's' ? 1 : unit === 'us' ? 1e6 : 1000);
  const said = `${err}\n${out}`;
  const why = err.trim().split('\n')[0]?.slice(0, 200) ?? '';
  if (/not permitted|permission denied|setuid|cap_net_raw|are you root/i.test(said))
    throw new PingFailure('unavailable', `ICMP is not allowed here: ${why}`);
  if (/unknown host|bad address|not known|resolution|no address/i.test(said))
    throw new PingFailure('unreachable', `${host}: its name is not known`);
  if (/network is unreachable|no route|host unreachable/i.test(said))
    throw new PingFailure('unreachable', `${host}: there is no way to the host`);
  // iputils and BusyBox say 1 for no answer; macOS says 2.
  if (/\b100(\.0)?% packet loss/.test(out)) throw new PingFailure('timeout', `${host} does not answer`);
  throw new PingFailure('unavailable', `ping has failed with status ${code}: ${why || out.trim().slice(0, 200)}`);
}

function run([command, ...args]: readonly string[], signal: AbortSignal): Promise<PingOutput> {
  return new Promise((resolve, reject) => {
    const child = spawn(command as string, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { PATH: process.env['PATH'] ?? '/usr/bin:/bin:/usr/sbin:/sbin', LC_ALL: 'C' },
      signal,
      killSignal: 'SIGKILL',
    });
    const said = { out: '', err: '' };
    for (const [name, stream] of [['out', child.stdout] as const, ['err', child.stderr] as const])
      stream.setEncoding('utf8').on('data', (text: string) => {
        if (said[name].length < OUTPUT_MAX) said[name] += text;
      });
    child.once('error', (error) => {
      if (signal.aborted) reject(signal.reason as Error);
      else if (errno(error) === 'ENOENT')
        reject(new PingFailure('unavailable', 'ICMP needs the command ping, which is not there: install it (iputils-ping)'));
      else reject(new PingFailure('unavailable', `the command ping cannot be run: ${errno(error) ?? error.message}`));
    });
    child.once('close', (code) => resolve({ code, ...said }));
  });
}
