/** The version 2 interface: https://docs.kernel.org/admin-guide/cgroup-v2.html */
import { Row, type Text } from '../text.ts';
import { type DeviceIo, divided, type Interface, numbers } from './group.ts';

const MICROSECONDS = 1e6;

const cpuStat = numbers({
  user: 'user_usec',
  system: 'system_usec',
  periods: 'nr_periods',
  throttled: 'nr_throttled',
  throttled_time: 'throttled_usec',
});
const memoryStat = numbers({
  anon: 'anon',
  file: 'file',
  kernel: 'kernel',
  slab: 'slab',
  sock: 'sock',
  inactive_file: 'inactive_file',
});
const memoryEvents = numbers({ low: 'low', high: 'high', max: 'max', oom: 'oom', oom_kill: 'oom_kill' });
const pidsEvents = numbers({ max: 'max' });

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
    const { user, system, periods, throttled, throttled_time } = cpuStat(group.text('cpu.stat'));
    return {
      user: divided(user, MICROSECONDS),
      system: divided(system, MICROSECONDS),
      periods,
      throttled_periods: throttled,
      throttled_time: divided(throttled_time, MICROSECONDS),
    };
  },

  memory(group) {
    const usage = group.amount('memory.current');
    const peak = group.amount('memory.peak');
    const swap = group.amount('memory.swap.current');
    const { anon, file, kernel, slab, sock, inactive_file: inactive } = memoryStat(group.text('memory.stat'));
    return {
      usage,
      peak,
      working_set: usage === undefined || inactive === undefined ? undefined : Math.max(usage - inactive, 0),
      anon,
      file,
      kernel,
      slab,
      sock,
      swap_usage: swap,
    };
  },

  events: (group) => memoryEvents(group.text('memory.events')),

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

  pids: (group) => ({ current: group.amount('pids.current'), limit_events: pidsEvents(group.text('pids.events')).max }),
};

/** `QUOTA PERIOD` in microseconds, or `max PERIOD`: a number of CPUs. */
function quota(text: Text | undefined): number | undefined {
  if (text === undefined) return undefined;
  const row = new Row(text);
  return !row.next() || row.count === 0 || row.is(0, 'max') ? undefined : row.number(0) / row.number(1);
}
