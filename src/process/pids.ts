/**
 * The processes that there are, by number.
 *
 * Listing `/proc` costs the kernel some microseconds for each process, most of what a sample of idle processes costs. Where numbers are
 * given by our own kernel namespace, the last one that was given is in `loadavg`: those after the last that we saw are looked at one by
 * one, and everything is listed anew after LIST_EVERY samples, when more than BORN_MAX were given, and when it cannot be told what one is.
 * A process that ended stays in the list until then, or until whoever finds it gone says so.
 */
import { Unavailable } from '../errors.ts';
import type { FileReader, Host, HotFile } from '../host.ts';
import { keyBytes } from '../text.ts';

const ZERO = 48;
const NINE = 57;
const LIST_EVERY = 16;
const BORN_MAX = 16;
/** The column of `loadavg` with the number that was given last: proc_loadavg(5). */
const LAST_COLUMN = 4;
const THREAD_GROUP = keyBytes('Tgid:');

/** The folders of `/proc` that are numbers, in ascending order; listed once in a turn. Throws `Unavailable` when there is none. */
export function pids(host: Host): readonly string[] {
  const path = host.procPath('');
  const known = host.turn.get(path);
  if (Array.isArray(known)) return known;
  let list = LISTS.get(host);
  if (!list) LISTS.set(host, (list = new PidList(host)));
  const found = list.read();
  host.turn.keep(path, found);
  return found;
}

/** A process of the list is not there any more. */
export function isGone(host: Host, pid: string): void {
  LISTS.get(host)?.leave(pid);
}

const LISTS = new WeakMap<Host, PidList>();

class PidList {
  readonly #host: Host;
  readonly #loadavg: HotFile | undefined;
  readonly #reader: FileReader;
  #pids: string[] = [];
  /** The number that had been given last when they were listed or looked for; undefined when they are to be listed. */
  #last: number | undefined;
  /** Numbers that were given and were not there: of threads that ended, and of what is only being made. */
  #pending: number[] = [];
  #samples = 0;

  constructor(host: Host) {
    this.#host = host;
    this.#reader = host.reader();
    const path = host.procPath('');
    const isOurs = host.live && !host.watched && path === '/proc/' && host.link('/proc/self') === `${process.pid}`;
    if (isOurs) this.#loadavg = host.proc('loadavg', 'at once');
  }

  read(): readonly string[] {
    const last = this.#loadavg?.maybe()?.first().maybe(LAST_COLUMN);
    if (last === undefined || this.#last === undefined || ++this.#samples >= LIST_EVERY || !this.#takeBorn(this.#last, last)) {
      this.#pids = listPids(this.#host);
      [this.#samples, this.#pending] = [0, []];
    }
    this.#last = last;
    return this.#pids;
  }

  leave(pid: string): void {
    const at = this.#pids.indexOf(pid);
    // Whoever asked for the list in this turn still walks it.
    if (at >= 0) this.#pids = this.#pids.toSpliced(at, 1);
  }

  /** False when everything is to be listed: too many numbers were given, they began again, or it cannot be told what one is. */
  #takeBorn(before: number, last: number): boolean {
    if (last < before || last - before > BORN_MAX) return false;
    const given = [...this.#pending, ...Array.from({ length: last - before }, (_, i) => before + 1 + i)];
    const absent: number[] = [];
    const born: string[] = [];
    for (const number of given) {
      // The list is made after the last number was read, and may have later ones.
      if (this.#pids.includes(`${number}`)) continue;
      const folder = this.#host.procPath(`${number}`);
      // A read that fails costs five times as much as this question, and most of those that are not there are threads that ended.
      const isThere = this.#host.exists(folder);
      const group = isThere ? this.#reader.maybe(`${folder}/status`)?.numberAfter(THREAD_GROUP) : undefined;
      if (group === number) born.push(`${number}`);
      else if (group === undefined && isThere && this.#host.exists(folder)) return false;
      // It is looked for once more, and no longer.
      else if (group === undefined && number > before) absent.push(number);
    }
    this.#pending = absent;
    if (born.length > 0) this.#pids = ascending([...this.#pids, ...born]);
    return true;
  }
}

function listPids(host: Host): string[] {
  const names = host.list(host.procPath('')) ?? [];
  const found = names.filter((name) => {
    const first = name.charCodeAt(0);
    return first >= ZERO && first <= NINE && Number.isInteger(Number(name));
  });
  if (found.length === 0)
    throw new Unavailable(`no process is seen in ${host.procPath('')}, because it has no folder that is a number`);
  return ascending(found);
}

function ascending(found: string[]): string[] {
  const numbers = found.map(Number);
  const sorted = numbers.every((number, i) => i === 0 || number >= (numbers[i - 1] as number));
  return sorted ? found : found.sort((a, b) => Number(a) - Number(b));
}
