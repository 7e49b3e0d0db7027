/**
 * The machine as a whole: how long it runs, who is logged in, what it runs, what its clock goes by.
 * proc_uptime(5), proc_stat(5), utmp(5), os-release(5), https://docs.kernel.org/timers/timekeeping.html
 */
import os from 'node:os';
import * as z from 'zod';
import { Unavailable } from '../src/errors.ts';
import { type AnyTable, type Cells, defineSchema, gauge, updowncounter } from '../src/event.ts';
import type { FileReader, Host, HotFile } from '../src/host.ts';
import { defineSensor, type Sampler } from '../src/sensor.ts';
import { ABOUT, type About, aboutDarwin, aboutLinux } from '../src/system/about.ts';
import { findSessions } from '../src/system/users.ts';
import { keyBytes } from '../src/text.ts';

/** How often, in seconds of uptime, to read what changes seldom or costs more: the boot time, the hardware clock, where users are kept. */
const SELDOM_S = 60;

const system = defineSchema({
  type: 'system',
  doc: 'How long the machine runs, and how many users it has.',
  attributes: [],
  fields: {
    uptime: gauge('s', 'Time since the kernel started, the time that it was suspended included.'),
    boot_time: gauge(
      's',
      'When that was, as Unix time by the clock as it is now: a clock that is set moves it. Read once a minute.',
    ),
    users: updowncounter(
      '{user}',
      'Login sessions of users: entries of utmp, or sessions of systemd-logind where there is no utmp. Absent without either.',
    ),
  },
});

const entropy = defineSchema({
  type: 'system.entropy',
  doc: "The kernel's random number generator.",
  attributes: [],
  fields: {
    available: gauge('bit', 'Entropy in the pool. Since Linux 5.18 it is 256 for good once the generator is seeded.'),
    pool_size: gauge('bit', 'The most that the pool holds.'),
  },
});

const about = defineSchema({
  type: 'system',
  doc: 'What the machine runs. An attribute that is not known is empty.',
  attributes: ABOUT,
  fields: { info: gauge('1', 'Always 1: the attributes are what it says.') },
});

const clock = defineSchema({
  type: 'system.clock',
  doc: 'What the clock of the machine goes by.',
  attributes: ['system.clock.source'],
  fields: {
    info: gauge('1', 'Always 1: the attribute is what it says, the clock source of the kernel (tsc, hpet, kvm-clock, …).'),
    synchronized: gauge(
      '1',
      '1 when systemd-timesyncd has set the clock at least once since it started, 0 when it runs and has not yet. It does not say ' +
        'that the clock is right now. Absent where timesyncd does not run: chrony and ntpd leave no file that tells.',
    ),
    rtc_offset: gauge(
      's',
      'How far the hardware clock is ahead of the clock of the system, to within a second either way. Whole hours are a hardware clock ' +
        'that keeps local time. Read once a minute; absent without a hardware clock.',
    ),
  },
});

export default defineSensor({
  name: 'system',
  summary: 'Uptime, boot time, users, entropy, operating system and kernel, clock source, from /proc, /sys, /run and os-release.',
  emits: [system, about, entropy, clock],
  options: z.strictObject({}),
  open(machine) {
    if (machine.platform === 'darwin' && machine.live) return new DarwinSystem(aboutDarwin(machine));
    if (machine.platform !== 'linux')
      throw new Unavailable(`uptime and the rest are read from Linux' /proc; this is ${machine.platform}`);
    const uptime = machine.procPath('uptime');
    if (!machine.exists(uptime) && !machine.exists(machine.procPath('stat')))
      throw new Unavailable(`neither ${uptime} nor ${machine.procPath('stat')} is there: is /proc mounted?`);
    return new LinuxSystem(machine);
  },
});

const aboutTable = (cells: About): AnyTable =>
  about.table().add(ABOUT.map((name) => cells[name]) as unknown as Cells<typeof ABOUT>, { info: 1 });

class DarwinSystem implements Sampler {
  readonly #about: About;

  constructor(about: About) {
    this.#about = about;
  }

  sample(): AnyTable[] {
    return [system.table().add([], { uptime: os.uptime(), boot_time: undefined, users: undefined }), aboutTable(this.#about)];
  }
}

const BOOT_TIME = keyBytes('btime');

/** What is read seldom. */
interface Seldom {
  readonly at: number | undefined;
  readonly bootTime: number | undefined;
  readonly rtcOffset: number | undefined;
  readonly poolSize: number | undefined;
  readonly users: (() => number | undefined) | undefined;
}

class LinuxSystem implements Sampler {
  readonly #host: Host;
  readonly #reader: FileReader;
  readonly #about: About;
  readonly #rtc: string | undefined;
  readonly #uptime: HotFile;
  readonly #entropy: HotFile;
  readonly #source: HotFile;
  #seldom: Seldom | undefined;

  constructor(host: Host) {
    this.#host = host;
    this.#reader = host.reader();
    this.#about = aboutLinux(host);
    this.#rtc = hardwareClock(host);
    this.#uptime = host.proc('uptime', 'at once');
    this.#entropy = host.proc('sys/kernel/random/entropy_avail', 'at once');
    this.#source = host.sys('devices/system/clocksource/clocksource0/current_clocksource');
  }

  sample(): AnyTable[] {
    const uptime = this.#uptime.maybe()?.number();
    if (this.#seldom?.at === undefined || uptime === undefined || uptime >= this.#seldom.at + SELDOM_S)
      this.#seldom = this.#readSeldom(uptime);
    const { bootTime, rtcOffset, poolSize, users } = this.#seldom;
    const tables: AnyTable[] = [
      system.table().add([], { uptime, boot_time: bootTime, users: users?.() }),
      aboutTable(this.#about),
    ];
    const available = this.#entropy.maybe()?.number();
    if (available !== undefined) tables.push(entropy.table().add([], { available, pool_size: poolSize }));
    const source = this.#source.maybe()?.trimmed();
    if (source !== undefined)
      tables.push(clock.table().add([source], { info: 1, synchronized: this.#synchronized(), rtc_offset: rtcOffset }));
    return tables;
  }

  close(): void {
    for (const file of [this.#uptime, this.#entropy, this.#source]) file.close();
  }

  #readSeldom(uptime: number | undefined): Seldom {
    const bootTime = this.#reader.maybe(this.#host.procPath('stat'))?.numberAfter(BOOT_TIME);
    const rtc = this.#rtc === undefined ? undefined : this.#reader.maybe(this.#rtc)?.number();
    return {
      at: uptime,
      bootTime,
      // The wall clock is what the kernel says: the boot time is the clock's time less the uptime, without its fraction.
      rtcOffset:
        rtc === undefined || bootTime === undefined || uptime === undefined ? undefined : rtc - Math.floor(bootTime + uptime),
      poolSize: this.#reader.maybe(this.#host.procPath('sys/kernel/random/poolsize'))?.number(),
      users: findSessions(this.#host, this.#reader),
    };
  }

  /** timesyncd makes its folder when it starts and loses it when it stops; it touches the file when it has set the clock. */
  #synchronized(): number | undefined {
    const folder = this.#host.mountPath('/run/systemd/timesync');
    if (this.#host.exists(`${folder}/synchronized`)) return 1;
    return this.#host.exists(folder) ? 0 : undefined;
  }
}

/** The hardware clock's time as Unix time: of the one that the kernel set its clock by, else of the first. */
function hardwareClock(host: Host): string | undefined {
  const folder = host.sysPath('class/rtc');
  const clocks = (host.list(folder) ?? []).sort();
  const used = clocks.find((name) => host.read(`${folder}/${name}/hctosys`) === '1') ?? clocks[0];
  return used === undefined ? undefined : `${folder}/${used}/since_epoch`;
}
