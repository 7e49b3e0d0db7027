/** Disk I/O counters, from `<proc>/diskstats`. https://docs.kernel.org/admin-guide/iostats.html */
import * as z from 'zod';
import { type AnyTable, counter, defineSchema, updowncounter } from '../src/event.ts';
import { type Host, type HotFile, requirePath } from '../src/host.ts';
import { globs } from '../src/options.ts';
import { defineSensor, type Sampler } from '../src/sensor.ts';
import type { Row } from '../src/text.ts';

/** The kernel counts sectors of 512 bytes, whatever the block size of the device. */
const SECTOR_BYTES = 512;
const MS_PER_S = 1000;
/** Sizes are read anew every so many samples: a disk may grow while it is used. */
const SELDOM = 60;
/** Columns of a line before Linux 4.18 (discard) and before 5.5 (flush). Lines of one file may differ. */
const [DISCARD_COLUMN, FLUSH_COLUMN] = [14, 18];

const byDirection = defineSchema({
  type: 'system.disk',
  doc: 'Requests to each block device by direction: read, write, discard, and flush, which moves no bytes.',
  attributes: ['system.device', 'disk.io.direction'],
  fields: {
    io: counter('By', 'Bytes of the requests.'),
    operations: counter('{operation}', 'Requests completed.'),
    operation_time: counter('s', 'Time spent on them, summed over requests.'),
    merged: counter('{operation}', 'Requests that were merged into others.'),
  },
});

// `weighted_io_time` and `pending_operations` are the collector's names; no convention has them.
const device = defineSchema({
  type: 'system.disk',
  doc: 'Activity of each block device.',
  attributes: ['system.device'],
  fields: {
    io_time: counter('s', 'Time in which the device had requests.'),
    weighted_io_time: counter('s', 'The same, multiplied by the number of requests in it.'),
    pending_operations: updowncounter('{operation}', 'Requests in flight.'),
    limit: updowncounter('By', 'Size of the device.'),
  },
});

const options = z.strictObject({
  include: globs().optional().describe('Devices to report, as patterns (default all that are not excluded).'),
  exclude: globs().prefault(['loop*', 'ram*', 'zram*', 'fd*', 'sr*']).describe('Devices to leave out, as patterns.'),
  partitions: z.boolean().default(false).describe('Whether partitions are reported beside the disks that they are part of.'),
});

export default defineSensor({
  name: 'disk',
  summary: 'Bytes, operations and time of each block device, from /proc/diskstats.',
  emits: [byDirection, device],
  options,
  open(host, { include, exclude, partitions }) {
    requirePath(host, host.procPath('diskstats'), 'disk I/O');
    const chosen = (name: string): boolean => (include?.(name) ?? true) && !exclude(name);
    return new Disks(host, (name, disks) => chosen(name) && (partitions || !disks.some((disk) => isPartition(name, disk))));
  },
});

/** Whether this is a partition of that disk: its name goes on with a number, behind a `p` where the disk's ends in a digit. */
function isPartition(name: string, disk: string): boolean {
  return name.startsWith(disk) && (/\d$/.test(disk) ? /^p\d+$/ : /^\d+$/).test(name.slice(disk.length));
}

interface Disk {
  readonly name: string;
  readonly wanted: boolean;
  limit: number | undefined;
}

class Disks implements Sampler {
  readonly #host: Host;
  readonly #diskstats: HotFile;
  readonly #wanted: (name: string, before: readonly string[]) => boolean;
  /** What is known of the device on each line; the devices and their order seldom change. */
  #disks: Disk[] = [];
  #samples = 0;

  constructor(host: Host, wanted: (name: string, before: readonly string[]) => boolean) {
    this.#host = host;
    this.#diskstats = host.proc('diskstats');
    this.#wanted = wanted;
  }

  sample(): AnyTable[] {
    const [directions, devices] = [byDirection.table(), device.table()];
    if (this.#samples++ % SELDOM === 0) for (const disk of this.#disks.filter(Boolean)) disk.limit = this.#limitOf(disk.name);
    for (const row of this.#diskstats.read().rows()) {
      if (row.count === 0) continue;
      const { name, wanted, limit } = this.#diskOf(row);
      if (!wanted) continue;
      directions.add([name, 'read'], {
        operations: row.number(3),
        merged: row.number(4),
        io: row.number(5) * SECTOR_BYTES,
        operation_time: row.number(6) / MS_PER_S,
      });
      directions.add([name, 'write'], {
        operations: row.number(7),
        merged: row.number(8),
        io: row.number(9) * SECTOR_BYTES,
        operation_time: row.number(10) / MS_PER_S,
      });
      if (row.count > DISCARD_COLUMN) {
        directions.add([name, 'discard'], {
          operations: row.number(14),
          merged: row.number(15),
          io: row.number(16) * SECTOR_BYTES,
          operation_time: row.number(17) / MS_PER_S,
        });
      }
      if (row.count > FLUSH_COLUMN) {
        directions.add([name, 'flush'], {
          operations: row.number(18),
          merged: undefined,
          io: undefined,
          operation_time: row.number(19) / MS_PER_S,
        });
      }
      devices.add([name], {
        pending_operations: row.number(11),
        io_time: row.number(12) / MS_PER_S,
        weighted_io_time: row.number(13) / MS_PER_S,
        limit,
      });
    }
    return [directions, devices];
  }

  close(): void {
    this.#diskstats.close();
  }

  /** The device of this line. Its name is the key: major and minor numbers are not unique in every file. */
  #diskOf(row: Row): Disk {
    const known = this.#disks[row.line];
    if (known && row.is(2, known.name)) return known;
    const name = row.text(2);
    const before = this.#disks.slice(0, row.line).map((disk) => disk?.name ?? '');
    const disk = { name, wanted: this.#wanted(name, before.filter(Boolean)), limit: this.#limitOf(name) };
    this.#disks[row.line] = disk;
    return disk;
  }

  #limitOf(name: string): number | undefined {
    // In /sys a device's name has an exclamation mark where /dev has a folder: cciss!c0d0.
    const sectors = this.#host.read(this.#host.sysPath(`class/block/${name.replaceAll('/', '!')}/size`));
    return sectors === undefined ? undefined : Number(sectors) * SECTOR_BYTES;
  }
}
