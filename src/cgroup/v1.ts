/** The version 1 interface, one folder for each controller: https://docs.kernel.org/admin-guide/cgroup-v1/ */
import type { Text } from '../text.ts';
import { type DeviceIo, divided, type Group, type Interface, numbers } from './group.ts';

const NANOSECONDS = 1e9;
/** Ticks a second in which `cpuacct.stat` counts: USER_HZ, 100 on every architecture that Node runs on. */
const USER_HZ = 100;
/** No limit is written as the largest number of pages that fits into 63 bits, 9223372036854771712 with pages of 4 KiB. */
const UNLIMITED = 2 ** 62;

const account = numbers({ user: 'user', system: 'system' });
const throttling = numbers({ periods: 'nr_periods', throttled: 'nr_throttled', time: 'throttled_time' });
const oomControl = numbers({ kills: 'oom_kill' });
const pidsEvents = numbers({ max: 'max' });
const memoryStat = numbers({
  swap: 'total_swap',
  anon: 'total_rss',
  file: 'total_cache',
  inactive_file: 'total_inactive_file',
});

export const version1: Interface = {
  limits(group) {
    const quota = group.amount('cpu.cfs_quota_us');
    const period = group.amount('cpu.cfs_period_us');
    const memory = limit(group, 'memory.limit_in_bytes');
    const both = limit(group, 'memory.memsw.limit_in_bytes');
    return {
      // A quota of -1 is none.
      cpu: quota !== undefined && quota > 0 && period ? quota / period : undefined,
      memory,
      high: undefined,
      swap: memory === undefined || both === undefined ? undefined : Math.max(both - memory, 0),
      pids: group.amount('pids.max'),
    };
  },

  cpu(group) {
    const { user, system } = account(group.text('cpuacct.stat'));
    const { periods, throttled, time } = throttling(group.text('cpu.stat'));
    return {
      user: divided(user, USER_HZ),
      system: divided(system, USER_HZ),
      periods,
      throttled_periods: throttled,
      throttled_time: divided(time, NANOSECONDS),
    };
  },

  memory(group) {
    const usage = group.amount('memory.usage_in_bytes');
    const peak = group.amount('memory.max_usage_in_bytes');
    const kernel = group.amount('memory.kmem.usage_in_bytes');
    const sock = group.amount('memory.kmem.tcp.usage_in_bytes');
    // The totals are those of the cgroup and all below it, as the other files count; the plain keys are of the cgroup alone.
    const { swap, anon, file, inactive_file: inactive } = memoryStat(group.text('memory.stat'));
    return {
      usage,
      peak,
      working_set: usage === undefined || inactive === undefined ? undefined : Math.max(usage - inactive, 0),
      anon,
      file,
      kernel,
      slab: undefined,
      sock,
      swap_usage: swap,
    };
  },

  events(group) {
    const failures = group.amount('memory.failcnt');
    return {
      low: undefined,
      high: undefined,
      max: failures,
      oom: undefined,
      oom_kill: oomControl(group.text('memory.oom_control')).kills,
    };
  },

  devices(group) {
    const devices = new Map<string, DeviceIo>();
    collect(group, ['blkio.throttle.io_service_bytes_recursive', 'blkio.throttle.io_service_bytes'], devices, 'read', 'write');
    collect(group, ['blkio.throttle.io_serviced_recursive', 'blkio.throttle.io_serviced'], devices, 'reads', 'writes');
    return devices;
  },

  pids: (group) => ({ current: group.amount('pids.current'), limit_events: pidsEvents(group.text('pids.events')).max }),
};

function limit(group: Group, name: string): number | undefined {
  const amount = group.amount(name);
  return amount !== undefined && amount < UNLIMITED ? amount : undefined;
}

/** `8:0 Read 1024`, a line for each device and operation, then `Total 1024`. Kernels before 4.16 have no recursive count of it. */
function collect(
  group: Group,
  names: readonly string[],
  devices: Map<string, DeviceIo>,
  read: 'read' | 'reads',
  write: 'write' | 'writes',
): void {
  const text = names.reduce<Text | undefined>((found, name) => found ?? group.text(name), undefined);
  for (const row of text?.rows() ?? []) {
    if (row.count === 0 || row.is(0, 'Total')) continue;
    const key = row.is(1, 'Read') ? read : row.is(1, 'Write') ? write : undefined;
    if (key === undefined) continue;
    const device = row.text(0);
    const io = devices.get(device) ?? { read: undefined, write: undefined, reads: undefined, writes: undefined };
    devices.set(device, io);
    io[key] = row.number(2);
  }
}
