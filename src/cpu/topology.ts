/** How many cores there are. https://docs.kernel.org/admin-guide/cputopology.html */
import type { Host } from '../host.ts';

/**
 * Physical cores of these CPUs, or undefined where the kernel does not tell. From sysfs, which every architecture has. Where
 * that is not to be seen, or does not know all of them, from `cpuinfo`, the text of `/proc/cpuinfo`, which x86 alone fills in.
 */
export function countCores(host: Host, cpus: readonly string[], cpuinfo: string): number | undefined {
  const known = cpus.map((cpu) => coreOf(host, cpu)).filter((core) => core !== undefined);
  const written = known.length < cpus.length ? coresOf(cpuinfo) : [];
  const cores = new Set(written.length > 0 ? written : known);
  return cores.size > 0 ? cores.size : undefined;
}

/** The list of threads that share a core names the core; a kernel without it has the pair of package and core. */
function coreOf(host: Host, cpu: string): string | undefined {
  const read = (file: string): string | undefined => host.read(host.sysPath(`devices/system/cpu/cpu${cpu}/topology/${file}`));
  const siblings = read('thread_siblings_list');
  if (siblings !== undefined) return siblings;
  const core = read('core_id');
  return core === undefined ? undefined : `${read('physical_package_id') ?? ''}/${core}`;
}

/** The pairs of package and core, one a logical CPU. */
function coresOf(cpuinfo: string): string[] {
  return cpuinfo.split(/\n\s*\n/).flatMap((block) => {
    const pack = /^physical id\s*:\s*(\d+)/m.exec(block)?.[1];
    const core = /^core id\s*:\s*(\d+)/m.exec(block)?.[1];
    return pack === undefined || core === undefined ? [] : [`${pack}/${core}`];
  });
}
