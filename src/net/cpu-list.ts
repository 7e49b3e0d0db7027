/** Lists of CPUs as sysfs writes them: `0-3,8`. https://docs.kernel.org/admin-guide/cputopology.html */

/** More CPUs than a kernel can be built for: a list that names one is no list. */
const CPUS_MAX = 1 << 16;

/** The numbers of a list; undefined when it is none. */
export function cpuNumbers(list: string | undefined): string[] | undefined {
  if (list === undefined || list === '') return undefined;
  const numbers: string[] = [];
  for (const part of list.split(',')) {
    const [, first, last = first] = /^(\d+)(?:-(\d+))?$/.exec(part) ?? [];
    if (first === undefined || Number(last) > CPUS_MAX) return undefined;
    for (let number = Number(first); number <= Number(last); number++) numbers.push(`${number}`);
  }
  return numbers;
}
