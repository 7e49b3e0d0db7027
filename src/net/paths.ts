/** Where the host's network statistics are. */
import type { Host } from '../host.ts';

/**
 * The path below `/proc` of a file of `/proc/net`, which is a link to the network namespace of whoever reads it. In another
 * `/proc` than our own, as a container sees that of its host, process 1 is in the namespace that is meant; in our own, we are.
 */
export function netFile(host: Host, name: string): string {
  const path = `1/net/${name}`;
  const isOwn = host.procPath('') === '/proc/';
  return isOwn || !host.exists(host.procPath(path)) ? `net/${name}` : path;
}
