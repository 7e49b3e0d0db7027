/** The service's log: pino, as JSON for programs and as text for people. */
import pino from 'pino';
import type { Log } from '../log.ts';
import type { Paint } from './paint.ts';

export interface LogOptions {
  readonly level: string;
  readonly format: 'auto' | 'text' | 'json';
}

const LEVEL_NAMES: Readonly<Record<number, string>> = {
  10: 'trace',
  20: 'debug',
  30: 'info',
  40: 'warn',
  50: 'error',
  60: 'fatal',
};

type Fact = Record<string, unknown>;

/** A log whose least severe level may be changed. */
export interface LevelLog extends Log {
  level: string;
}

/** A log on a stream, usually standard error. `secrets` hides what must not be printed. */
export function createLog(
  stream: NodeJS.WriteStream,
  options: LogOptions,
  paint: Paint,
  secrets: (text: string) => string,
): LevelLog {
  const text = options.format === 'text' || (options.format === 'auto' && stream.isTTY);
  const write = (line: string): void => {
    // Text by text: a secret may look like a part of JSON itself, a number for one.
    const safe = JSON.parse(line, (_key, value: unknown) => (typeof value === 'string' ? secrets(value) : value)) as Fact;
    stream.write(`${text ? readable(safe, paint) : JSON.stringify(safe)}\n`);
  };
  return pino({ level: options.level, base: { service: 'tidegate' }, timestamp: pino.stdTimeFunctions.isoTime }, { write });
}

/** `12:00:01 warn  the sink fails; its events wait  sink=archive reason="no space left on device"` */
function readable({ level, time, msg, pid: _pid, hostname: _host, service: _service, ...about }: Fact, paint: Paint): string {
  const name = LEVEL_NAMES[level as number] ?? String(level);
  const colour = name === 'warn' ? paint.yellow : name === 'info' || name === 'debug' || name === 'trace' ? paint.dim : paint.red;
  const facts = Object.entries(about).map(([key, value]) => `${paint.dim(`${key}=`)}${factOf(value)}`);
  return [paint.dim(String(time).slice(11, 19)), colour(name.padEnd(5)), String(msg), ...facts].join(' ');
}

function factOf(value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return /[\s"=]/.test(text) && typeof value === 'string' ? JSON.stringify(text) : text;
}
