/**
 * Arrays of Linux' software RAID out of `/proc/mdstat`: md(4), and md_seq_show of the kernel, which is its only description.
 *
 *   md6 : active raid1 sdb2[2](F) sdc[1](S) sda2[0]
 *         195310144 blocks [2/1] [U_]
 *         [=>...................]  recovery =  8.5% (16775552/195310144) finish=17.0min speed=259783K/sec
 *         bitmap: 0/30 pages [0KB], 65536KB chunk
 *
 * Everything is found by its form, nothing by its place: an inactive array may have no level, a raid0 no `[2/1]`.
 */
import type { Row, Text } from '../text.ts';

/** The kernel counts in KiB. */
const KIB = 1024;
const MINUTE_S = 60;

/** A member, and what the kernel says of it beside its number: faulty, spare, write-mostly, journal, replacement. */
export interface Member {
  readonly name: string;
  readonly flags: string;
}

/** What goes on: `recovery`, `resync`, `reshape`, `check`, `repair`. Sizes in bytes. */
export interface Sync {
  readonly action: string;
  /** `delayed` waits for another array, `pending` for the first write, `remote` is done by another node of a cluster. */
  readonly state: 'running' | 'delayed' | 'pending' | 'remote';
  readonly done: number | undefined;
  readonly total: number | undefined;
  /** Share from 0 to 1. */
  readonly progress: number | undefined;
  /** Seconds. */
  readonly left: number | undefined;
  /** Bytes a second. */
  readonly speed: number | undefined;
}

export interface ArrayState {
  readonly name: string;
  /** `active`, `inactive`, `broken`. */
  readonly state: string;
  /** `auto-read-only`, `read-only`, or `read-write`. */
  readonly access: string;
  /** `raid1`; undefined when an inactive array does not say. */
  readonly level: string | undefined;
  readonly members: readonly Member[];
  size: number | undefined;
  /** How many members it should have and how many of them work, where the level has redundancy. */
  wanted: number | undefined;
  working: number | undefined;
  sync: Sync | undefined;
}

const PROGRESS = /(\w+)\s*=\s*([\d.]+)%\s*\((\d+)\/(\d+)\)/;
const WAITING = /^\s*(\w+)\s*=\s*(DELAYED|PENDING|REMOTE)\b/;
const MEMBER = /^(.+)\[\d+\]((?:\([A-Z]\))*)$/;

/** Every array. Throws `Malformed`. */
export function parseMdstat(text: Text): ArrayState[] {
  const arrays: ArrayState[] = [];
  let current: ArrayState | undefined;
  for (const row of text.rows()) {
    if (row.count === 0 || row.startsWith('Personalities') || row.startsWith('unused devices')) {
      current = undefined;
      continue;
    }
    if (row.count > 1 && row.is(1, ':')) {
      current = arrayOf(row);
      arrays.push(current);
    } else if (current) readDetail(current, row);
  }
  return arrays;
}

function arrayOf(row: Row): ArrayState {
  const [state = '', ...words] = row.count > 2 ? row.rest(2).split(/\s+/) : [];
  if (!/^(active|inactive|broken)$/.test(state)) throw row.malformed('an array that is neither active nor inactive');
  let [access, level]: [string, string | undefined] = ['read-write', undefined];
  const members: Member[] = [];
  for (const word of words) {
    const [, name, flags = ''] = MEMBER.exec(word) ?? [];
    if (name !== undefined) members.push({ name, flags });
    else if (word.startsWith('(')) access = word.replace(/[()]/g, '');
    else if (word !== '') level ??= word;
  }
  return {
    name: row.text(0),
    state,
    access,
    level,
    members,
    size: undefined,
    wanted: undefined,
    working: undefined,
    sync: undefined,
  };
}

function readDetail(array: ArrayState, row: Row): void {
  const line = row.rest();
  if (row.count > 1 && row.is(1, 'blocks')) {
    array.size = row.number(0) * KIB;
    const [, wanted, working] = /\[(\d+)\/(\d+)\]/.exec(line) ?? [];
    // What stands there while it is inactive is of no array that runs.
    if (wanted !== undefined && array.state === 'active') [array.wanted, array.working] = [Number(wanted), Number(working)];
    return;
  }
  array.sync = syncOf(line) ?? array.sync;
}

function syncOf(line: string): Sync | undefined {
  const [, waiting, state] = WAITING.exec(line) ?? [];
  if (waiting !== undefined) {
    const none = { done: undefined, total: undefined, progress: undefined, left: undefined, speed: undefined };
    return { action: waiting, state: (state as string).toLowerCase() as Sync['state'], ...none };
  }
  const [, action, , done, total] = PROGRESS.exec(line) ?? [];
  if (action === undefined) return undefined;
  const [, minutes] = /finish=([\d.]+)min/.exec(line) ?? [];
  const [, speed] = /speed=(\d+)K\/sec/.exec(line) ?? [];
  const [doneKib, totalKib] = [Number(done), Number(total)];
  return {
    action,
    state: 'running',
    done: doneKib * KIB,
    total: totalKib * KIB,
    progress: totalKib > 0 ? doneKib / totalKib : undefined,
    left: minutes === undefined ? undefined : Number(minutes) * MINUTE_S,
    speed: speed === undefined ? undefined : Number(speed) * KIB,
  };
}
