/** Whose a process is and where it belongs: its user and its control group. What is asked of it when it is selected, not at every sample. */
import type { FileReader, Host } from '../host.ts';
import type { Process } from './process.ts';

export class Identities {
  readonly #host: Host;
  readonly #reader: FileReader;
  #users: ReadonlyMap<string, string>;
  /** Numbers that /etc/passwd did not know when it was last read. */
  readonly #strangers = new Set<string>();

  constructor(host: Host) {
    this.#host = host;
    this.#reader = host.reader();
    this.#users = this.#readUsers();
  }

  /** Number of the effective user; undefined when the process is gone. */
  uid(process: Process): string | undefined {
    const status = this.#reader.maybe(`${process.folder}/status`);
    for (const row of status?.rows() ?? []) if (row.startsWith('Uid:')) return row.text(2);
    return undefined;
  }

  /** The name of a user; the number where /etc/passwd has none, as for users of a directory server or of a container. */
  userName(uid: string): string {
    const name = this.#users.get(uid);
    if (name !== undefined) return name;
    if (!this.#strangers.has(uid)) {
      // The user may have been made since. Each number asks once, so that strangers do not have the file read for ever.
      this.#strangers.add(uid);
      this.#users = this.#readUsers();
    }
    return this.#users.get(uid) ?? uid;
  }

  /** Path of the control group; undefined when the process is gone. */
  cgroup(process: Process): string | undefined {
    const text = this.#reader.maybe(`${process.folder}/cgroup`);
    return text && cgroupPath(text.toString());
  }

  /** passwd(5). The first of several names of a number counts. */
  #readUsers(): Map<string, string> {
    const users = new Map<string, string>();
    for (const line of (this.#host.read(this.#host.mountPath('/etc/passwd')) ?? '').split('\n')) {
      const [name, , uid] = line.split(':');
      if (name && uid && !users.has(uid)) users.set(uid, name);
    }
    return users;
  }
}

/**
 * The path in what proc_pid_cgroup(5) describes: that of version 2; where all processes are in its root, as on machines that use
 * version 1, that of systemd's own hierarchy or of the first that is not at its root.
 */
export function cgroupPath(text: string): string {
  let path = '/';
  for (const line of text.split('\n')) {
    // A path may hold colons; the two columns before it may not.
    const [, id, controllers, at] = /^(\d+):([^:]*):(.*)$/.exec(line) ?? [];
    if (at === undefined || at === '/') continue;
    if (id === '0' || controllers === 'name=systemd') return at;
    if (path === '/') path = at;
  }
  return path;
}
