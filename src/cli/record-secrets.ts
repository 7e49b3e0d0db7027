/**
 * What a recording must not hold. Recordings are sent to other people: what a program was told in confidence stays at home, and so do
 * the names of those who are logged in. A file that is not named here is copied as it is.
 */
import { recordBytes, USER_OFFSET } from '../system/users.ts';

export interface SecretOptions {
  /** Stands for the machine's name. */
  readonly name?: string | undefined;
  /** Keep what processes were started with. */
  readonly withArguments?: boolean | undefined;
}

const PROCESS = String.raw`^proc/\d+/(?:task/\d+/)?`;
const NEVER = new RegExp(`${PROCESS}(?:environ|mem)$`);
const ARGUMENTS = new RegExp(`${PROCESS}cmdline$`);
const HOST_NAME = /^(?:proc\/sys\/kernel\/hostname|root\/etc\/hostname)$/;
const UTMP = /^root\/(?:var\/)?run\/utmp$/;
const SESSION = /^root\/run\/systemd\/sessions\/[^/]+$/;

/** Where a record of a utmp has names and addresses, by its size: the user's and the remote host's name, then the address. */
const UTMP_NAMES: Readonly<Record<number, readonly (readonly [number, number])[]>> = {
  384: [
    [USER_OFFSET, 332],
    [348, 364],
  ],
  400: [
    [USER_OFFSET, 332],
    [360, 376],
  ],
};

/** Whether a file is left out altogether. `place` is its path in the recording. */
export const isSecret = (place: string): boolean => NEVER.test(place);

/** The bytes of a file without what is nobody's business. */
export function withoutSecrets(place: string, content: Buffer, { name, withArguments }: SecretOptions): Buffer {
  if (ARGUMENTS.test(place)) return withArguments ? content : firstWord(content);
  if (HOST_NAME.test(place) && name !== undefined) return Buffer.from(`${name}\n`);
  if (UTMP.test(place)) return withoutUsers(content);
  if (SESSION.test(place)) {
    const lines = content.toString().split('\n');
    return Buffer.from(lines.filter((line) => /^(?:CLASS|STATE|TYPE|ACTIVE|REMOTE)=/.test(line)).join('\n'));
  }
  return content;
}

/** The program of a command line. A program that rewrites its own puts its arguments into the first, behind a blank. */
function firstWord(content: Buffer): Buffer {
  const end = content.findIndex((byte) => byte === 0 || byte === 0x20);
  return end < 0 ? content : Buffer.concat([content.subarray(0, end), Buffer.of(0)]);
}

/** Names become `x`, so that what is no login stays none; hosts and addresses become empty. */
function withoutUsers(content: Buffer): Buffer {
  const out = Buffer.from(content);
  const size = recordBytes(out, out.length);
  if (size === undefined) return Buffer.alloc(0);
  for (let at = 0; at < out.length; at += size) {
    const named = out[at + USER_OFFSET] !== 0;
    for (const [from, to] of UTMP_NAMES[size] ?? []) out.fill(0, at + from, at + to);
    if (named) out.write('x', at + USER_OFFSET);
  }
  return out;
}
