/** Names of block devices by their numbers: `sda` for `8:0`. */
import type { Host } from '../host.ts';

export class BlockNames {
  readonly #host: Host;
  readonly #names = new Map<string, string>();

  constructor(host: Host) {
    this.#host = host;
  }

  /** The name from `/sys/dev/block` or `/proc/diskstats`; the number itself when the machine does not know it. */
  name(number: string): string {
    let name = this.#names.get(number);
    if (name === undefined) {
      const link = this.#host.link(this.#host.sysPath(`dev/block/${number}`));
      name = link === undefined ? (this.#inDiskstats(number) ?? number) : link.slice(link.lastIndexOf('/') + 1);
      this.#names.set(number, name);
    }
    return name;
  }

  /** Forgets them: a number may go to another device. */
  clear(): void {
    this.#names.clear();
  }

  /** Its lines start with the two numbers and the name. */
  #inDiskstats(number: string): string | undefined {
    for (const line of (this.#host.read(this.#host.procPath('diskstats')) ?? '').split('\n')) {
      const [major, minor, name] = line.trim().split(/\s+/);
      if (`${major}:${minor}` === number) return name;
    }
    return undefined;
  }
}
