/**
 * How many users are logged in: from utmp(5), or from systemd-logind where the system keeps no utmp any more.
 *
 * A utmp is records of one size. It is 384 bytes where times are kept in 32 bits for compatibility (x86, and every 32-bit system) and
 * 400 bytes elsewhere (arm64, riscv64); the type and the user's name are at the same place in both.
 */
import { Malformed } from '../errors.ts';
import type { FileReader, Host } from '../host.ts';
import type { Text } from '../text.ts';

const RECORD_BYTES = [384, 400];
/** The types are 0 to 9; this is that of a login session. */
const TYPE_MAX = 9;
const USER_PROCESS = 7;
/** Where the user's name starts in a record. */
export const USER_OFFSET = 44;

/** Finds where this machine keeps its login sessions now; undefined when it does not. */
export function findSessions(host: Host, reader: FileReader): (() => number | undefined) | undefined {
  // `/var/run` is mostly an absolute link, which below a mount prefix would lead out of the host.
  const places = host.link(host.mountPath('/var/run')) === undefined ? ['/run/utmp', '/var/run/utmp'] : ['/run/utmp'];
  const utmp = places.map((place) => host.mountPath(place)).find((place) => host.exists(place));
  if (utmp !== undefined) {
    return () => {
      const text = reader.maybe(utmp);
      return text && countUsers(text);
    };
  }
  const sessions = host.mountPath('/run/systemd/sessions');
  return host.exists(sessions) ? () => countSessions(host, sessions) : undefined;
}

/** Entries of logged-in users, as uptime(1) counts them. */
export function countUsers({ buffer, length, file }: Text): number {
  const size = recordBytes(buffer, length);
  if (size === undefined) throw new Malformed('not whole records of a utmp', file, 1, `${length} bytes`);
  let users = 0;
  for (let at = 0; at < length; at += size) if (typeOf(buffer, at) === USER_PROCESS && buffer[at + USER_OFFSET] !== 0) users++;
  return users;
}

/** The size of a utmp's records, or undefined when it is none: the one that divides it and gives every record a type. */
export function recordBytes(buffer: Buffer, length: number): number | undefined {
  return RECORD_BYTES.find((bytes) => {
    if (length % bytes !== 0) return false;
    for (let at = 0; at < length; at += bytes) if (typeOf(buffer, at) > TYPE_MAX) return false;
    return true;
  });
}

/** Of the two bytes of a type one is 0, whatever the order of bytes. */
const typeOf = (buffer: Buffer, at: number): number => (buffer[at] as number) | (buffer[at + 1] as number);

/** Sessions of users, not those of greeters, background jobs or managers, nor those that are ending. */
function countSessions(host: Host, folder: string): number | undefined {
  const files = host.entries(folder)?.filter((entry) => entry.isFile());
  return files?.filter((file) => {
    const session = host.read(`${folder}/${file.name}`) ?? '';
    return /^CLASS=user$/m.test(session) && !/^STATE=closing$/m.test(session);
  }).length;
}
