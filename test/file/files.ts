/** File sinks for tests and for processes that tests start, and readers of what they wrote. */
import { readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, extname, join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import fileSink, { type FileParts, FileSink } from '../../sinks/file.ts';
import { decodeJson, decodeMsgpack } from '../../src/codec/decode.ts';
import type { DecodedEvent } from '../../src/codec/format.ts';
import { msgpackEnd } from '../../src/codec/msgpack-check.ts';

export interface FileTest extends FileParts {
  /** What the sink says. */
  readonly warnings?: string[];
  readonly name?: string;
}

/** A sink with options as an operator writes them. */
export function fileSinkOf(
  options: Record<string, unknown>,
  { warnings = [], name = 'archive', ...parts }: FileTest = {},
): FileSink {
  const context = { name, stateDir: '/nowhere', warn: (message: string) => void warnings.push(message) };
  return new FileSink(context, fileSink.options.parse(options), parts);
}

/** The events of one file; throws when anything in it is not a whole event. */
export function eventsIn(path: string): DecodedEvent[] {
  const raw = readFileSync(path);
  const bytes = path.endsWith('.gz') ? gunzipSync(raw) : raw;
  if (!path.includes('.msgpack')) {
    const lines = bytes.toString().split('\n');
    if (lines.pop() !== '') throw new Error(`${path} does not end with a newline`);
    return lines.map((line) => decodeJson(line));
  }
  const events: DecodedEvent[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = msgpackEnd(bytes, at);
    events.push(decodeMsgpack(bytes.subarray(at, end)));
    at = end;
  }
  return events;
}

/** The old files of a path, by name; a compressed one stands for the plain one that it was made of. */
export function oldFiles(path: string): string[] {
  const names = readdirSync(dirname(path)).filter((name) => name.startsWith(`${basename(path, extname(path))}-`));
  return names.filter((name) => !name.endsWith('.tmp') && !names.includes(`${name}.gz`)).sort();
}

/** The events of all old files and of the file itself, in the order of their names. */
export const allEvents = (path: string): DecodedEvent[] =>
  [...oldFiles(path).map((name) => join(dirname(path), name)), path].flatMap(eventsIn);
