/** Where a container has its host, by variables: `HOST_PROC`, `HOST_SYS`, `HOST_ROOT`. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { errno } from './errors.ts';

/**
 * What of a host's places and name the environment says. Below a root of its own the name is the one in its `/etc/hostname`: the kernel's is
 * that of the container we are in.
 */
export function placesOf(env: NodeJS.ProcessEnv): { proc?: string; sys?: string; root?: string; name?: string } {
  const { HOST_PROC: proc, HOST_SYS: sys, HOST_ROOT: root } = env;
  const name = root && root !== '/' ? nameBelow(root) : undefined;
  return { ...(proc && { proc }), ...(sys && { sys }), ...(root && { root }), ...(name !== undefined && { name }) };
}

/** The first line that is no comment, hostname(5); undefined where there is none to read. */
function nameBelow(root: string): string | undefined {
  let text: string;
  try {
    text = readFileSync(join(root, 'etc', 'hostname'), 'utf8');
  } catch (error) {
    if (errno(error) === undefined) throw error;
    return undefined;
  }
  const lines = text.split('\n').map((line) => line.trim());
  return lines.find((line) => line !== '' && !line.startsWith('#'));
}
