/** The version 2 interface: https://docs.kernel.org/admin-guide/cgroup-v2.html */
import { Row, type Text } from '../text.ts';
import { after, type DeviceIo, divided, type Interface } from './group.ts';

const MICROSECONDS = 1e6;

const userTime = after('user_usec');
const systemTime = after('system_usec');
const periods = after('nr_periods');
const throttledPeriods = after('nr_throttled');
const throttledTime = after('throttled_usec');
const anon = after('anon');
const file = after('file');
const kernel = after('kernel');
const slab = after('slab');
const sock = after('sock');
const inactiveFile = after('inactive_file');
const low = after('low');
const high = after('high');
const max = after('max');
const oom = after('oom');
const oomKill = after('oom_kill');

/** Keys of `io.stat` that we keep, and where they go. */
const IO_KEYS = [
  ['rbytes=', 'read'],
  ['wbytes=', 'write'],
  ['rios=', 'reads'],
  ['wios=', 'writes'],
] as const;

export const version2: Interface = {
  limits: (group) => ({
    cpu: quota(group.text('cpu.max')),
    memory: group.amount('memory.max'),
    high: group.amount('memory.high'),
    swap: group.amount('memory.swap.max'),
    pids: group.amount('pids.max'),
  }),

  cpu(group) {
    const stat = group.text('cpu.stat');
    return {
      user: divided(userTime(stat), MICROSECONDS),
      system: divided(systemTime(stat), MICROSECONDS),
      periods: periods(stat),
      throttled_periods: throttledPeriods(stat),
      throttled_time: divided(throttledTime(stat), MICROSECONDS),
    };
  },

  memory(group) {
    const usage = group.amount('memory.current');
    const peak = group.amount('memory.peak');
    const swap = group.amount('memory.swap.current');
    const stat = group.text('memory.stat');
    const inactive = inactiveFile(stat);
    return {
      usage,
      peak,
      working_set: usage === undefined || inactive === undefined ? undefined : Math.max(usage - inactive, 0),
      anon: anon(stat),
      file: file(stat),
      kernel: kernel(stat),
      slab: slab(stat),
      sock: sock(stat),
      swap_usage: swap,
    };
  },

  events(group) {
    const events = group.text('memory.events');
    return { low: low(events), high: high(events), max: max(events), oom: oom(events), oom_kill: oomKill(events) };
  },

  /** `8:0 rbytes=… wbytes=… rios=… wios=…`. Kernels 5.14 to 6.x write a device without statistics as its number alone, with no newline. */
  devices(group) {
    const devices = new Map<string, DeviceIo>();
    for (const row of group.text('io.stat')?.rows() ?? []) {
      let io: DeviceIo | undefined;
      for (let word = 0; word < row.count; word++) {
        const text = row.text(word);
        const key = IO_KEYS.find(([prefix]) => text.startsWith(prefix));
        if (/^\d+:\d+$/.test(text))
          devices.set(text, (io = { read: undefined, write: undefined, reads: undefined, writes: undefined }));
        else if (!io) throw row.malformed('no device number before its statistics');
        else if (key) io[key[1]] = row.numberFrom(word, key[0].length);
      }
    }
    return devices;
  },

  pids: (group) => ({ current: group.amount('pids.current'), limit_events: max(group.text('pids.events')) }),
};

/** `QUOTA PERIOD` in microseconds, or `max PERIOD`: a number of CPUs. */
function quota(text: Text | undefined): number | undefined {
  if (text === undefined) return undefined;
  const row = new Row(text);
  return !row.next() || row.count === 0 || row.is(0, 'max') ? undefined : row.number(0) / row.number(1);
}
