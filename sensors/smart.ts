/**
 * Health of drives, from `smartctl --json`, and what the kernel tells without privileges: temperatures of NVMe, wear of eMMC.
 *
 * `hw.physical_disk.size`, `.smart`, `.endurance_utilization`, `hw.status`, `hw.errors` and `hw.temperature` are OpenTelemetry's names; the
 * conventions have none for the other counters of a drive.
 */
import { type AnyTable, counter, defineSchema, gauge, updowncounter } from '../src/event.ts';
import { defineSensor } from '../src/sensor.ts';
import type { Drive, NumberName } from '../src/smart/drive.ts';
import { Drives } from '../src/smart/drives.ts';
import { options } from '../src/smart/options.ts';

const IDENTITY = ['hw.id', 'hw.name', 'hw.model', 'hw.serial_number', 'hw.physical_disk.type'] as const;
const TYPED = [...IDENTITY, 'hw.type'] as const;

/** A drive's health changes in days, and a question costs it a moment. */
const INTERVAL_MS = 600_000;

const NOTES = `smartctl (smartmontools 7.0 or newer) opens the devices themselves, which takes privileges. Any one of these gives them:
  root:          run the service as root
  capabilities:  in the unit of systemd, AmbientCapabilities=CAP_SYS_RAWIO CAP_SYS_ADMIN and SupplementaryGroups=disk
                 (ATA and SAS need CAP_SYS_RAWIO, NVMe CAP_SYS_ADMIN, both the group that may open the device)
  sudo:          sudo: true, and in sudoers: tidegate ALL=(root) NOPASSWD: /usr/sbin/smartctl --json --all *, /usr/sbin/smartctl --scan --json
                 The star allows any other option of smartctl too, and one that hangs as root cannot be killed by a service that is
                 not: prefer capabilities.
Without them temperatures of NVMe drives and the wear of eMMC are read from /sys.
A drive that sleeps is not woken: it has standby = 1 and nothing else. Drives behind a RAID controller are named by \`devices\` where the scan does not show them.`;

const disk = defineSchema({
  type: 'hw.physical_disk',
  doc: 'Each drive. The id is its world wide name, or its serial number where it has none. The name of a drive behind a controller ends with its type.',
  attributes: IDENTITY,
  fields: {
    size: updowncounter('By', 'Size.'),
    standby: gauge('1', '1 while it sleeps and is not woken to be asked, else 0.'),
    power_on_time: counter('s', 'How long it has been on, to the hour or minute.'),
    power_cycles: counter('{cycle}', 'How often it was switched on.'),
    start_stop_cycles: counter('{cycle}', 'How often the spindle was started and stopped. SCSI.'),
    load_cycles: counter('{cycle}', 'How often the heads were loaded and unloaded. SCSI.'),
    rotation: gauge('rpm', 'Revolutions a minute; 0 for one without moving parts.'),
    'data.read': counter('By', 'Bytes that the host read. NVMe, in thousands of 512 bytes.'),
    'data.written': counter('By', 'Bytes that the host wrote. NVMe, in thousands of 512 bytes.'),
    'commands.read': counter('{command}', 'Read commands. NVMe.'),
    'commands.write': counter('{command}', 'Write commands. NVMe.'),
    busy_time: counter('s', 'How long the controller was busy, to the minute. NVMe.'),
    unsafe_shutdowns: counter('{shutdown}', 'How often power went without a word before. NVMe.'),
    media_errors: counter('{error}', 'Errors of the medium that could not be corrected. NVMe.'),
    error_log_entries: counter('{entry}', 'Entries of its error log so far. ATA, NVMe.'),
    defects: updowncounter('{defect}', 'Defects that grew since it was made. SCSI.'),
    spare: gauge('1', 'Share of the spare blocks that is left. NVMe, and ATA where smartctl tells it.'),
    'spare.threshold': gauge('1', 'The share at which it warns.'),
    critical_warning: gauge(
      '1',
      'Bits: 1 spare, 2 temperature, 4 reliability, 8 read only, 16 backup of volatile memory, 32 persistent memory. NVMe.',
    ),
    warning_temperature_time: counter('s', 'How long it was too warm, to the minute. NVMe.'),
    critical_temperature_time: counter('s', 'How long it was far too warm, to the minute. NVMe.'),
    'self_test.passed': gauge('1', '1 when the newest self-test in its log found nothing, else 0.'),
    'self_test.running': gauge('1', '1 while a self-test runs, else 0.'),
    'self_test.power_on_time': gauge('s', 'What `power_on_time` was at that newest self-test.'),
  } satisfies Record<NumberName | 'standby', unknown>,
});

const endurance = defineSchema({
  type: 'hw.physical_disk',
  doc: 'Wear of each drive that counts it.',
  attributes: [...IDENTITY, 'hw.physical_disk.state'],
  fields: { endurance_utilization: gauge('1', 'Share of the life that its maker gives it that is left; 0 when it is over.') },
});

const attributes = defineSchema({
  type: 'hw.physical_disk',
  doc: 'Attributes of each ATA drive, by name and number; the makers decide what they mean, and smartctl knows many.',
  attributes: [...IDENTITY, 'hw.physical_disk.smart_attribute', 'hw.physical_disk.smart_attribute.id'],
  fields: {
    smart: gauge('1', 'Normalised value, from 1 (worst) to 253; most start at 100 or 200.'),
    'smart.worst': gauge('1', 'The lowest it has been.'),
    'smart.threshold': gauge('1', 'It has failed at this value and below.'),
    'smart.raw': gauge('1', "Raw value: the first number of smartctl's reading of it, for makers pack several into one."),
    'smart.failing': gauge('1', '1 while it is at or below its threshold, else 0.'),
  },
});

const conditions = defineSchema({
  type: 'hw.physical_disk.condition',
  doc: "What smartctl's exit status says of each drive, a row for each of its bits from 2 on.",
  attributes: [...IDENTITY, 'hw.physical_disk.condition'],
  fields: { active: gauge('1', '1 when it is so, else 0.') },
});

const status = defineSchema({
  type: 'hw',
  doc: 'State of each drive: predicted_failure when SMART says that it fails or an attribute is at its threshold, degraded when an NVMe drive warns or an eMMC runs out of spare blocks, ok otherwise.',
  attributes: [...TYPED, 'hw.state'],
  fields: { status: updowncounter('1', '1 for the state that it is in, 0 for the others.') },
});

const temperature = defineSchema({
  type: 'hw',
  doc: 'Temperatures of each drive by location: drive, and the sensors that an NVMe drive has beside.',
  attributes: [...TYPED, 'hw.sensor_location'],
  fields: { temperature: gauge('Cel', 'Temperature.') },
});

const temperatureLimit = defineSchema({
  type: 'hw.temperature',
  doc: 'Limits of the temperature of each drive.',
  attributes: [...TYPED, 'hw.sensor_location', 'hw.limit_type'],
  fields: { limit: gauge('Cel', 'The limit.') },
});

const errors = defineSchema({
  type: 'hw',
  doc: 'Errors of each SCSI drive by type: corrected and uncorrected, of read, write and verify.',
  attributes: [...TYPED, 'error.type'],
  fields: { errors: counter('{error}', 'Errors so far.') },
});

const pages = defineSchema({
  type: 'hw.physical_disk.scsi',
  doc: 'Counters of each SCSI drive by operation: read, write, verify.',
  attributes: [...IDENTITY, 'hw.physical_disk.operation'],
  fields: {
    processed: counter('By', 'Bytes, to the million.'),
    'corrected.fast': counter('{error}', 'Errors that were corrected without delay.'),
    'corrected.delayed': counter('{error}', 'Errors that were corrected with delay.'),
    'corrected.repeated': counter('{error}', 'Errors that were corrected by reading or writing again.'),
    correction_invocations: counter('{invocation}', 'How often the correction was called.'),
  },
});

const STATES = ['ok', 'degraded', 'predicted_failure'] as const;

export default defineSensor({
  name: 'smart',
  summary: 'Health of drives, from smartctl and /sys: SMART attributes, wear, errors, self-tests, temperature.',
  notes: NOTES,
  emits: [disk, endurance, attributes, conditions, status, temperature, temperatureLimit, errors, pages],
  options,
  interval: INTERVAL_MS,
  async open(host, given, context) {
    const drives = await Drives.open(host, given, context);
    return {
      sample: async (signal) => tablesOf(await drives.read(signal), given.attributes),
    };
  },
});

const empty = () => ({
  disk: disk.table(),
  endurance: endurance.table(),
  attributes: attributes.table(),
  conditions: conditions.table(),
  status: status.table(),
  temperature: temperature.table(),
  temperatureLimit: temperatureLimit.table(),
  errors: errors.table(),
  pages: pages.table(),
});

function tablesOf(drives: readonly Drive[], withAttributes: boolean): AnyTable[] {
  const tables = empty();
  for (const drive of drives) add(tables, drive, withAttributes);
  return Object.values(tables).filter(({ rows }) => rows > 0);
}

function add(tables: ReturnType<typeof empty>, drive: Drive, withAttributes: boolean): void {
  const identity = [drive.id, drive.name, drive.model, drive.serial, drive.protocol] as const;
  const typed = [...identity, 'physical_disk'] as const;
  tables.disk.add(identity, { ...(drive.numbers as Record<NumberName, number | undefined>), standby: drive.standby });
  if (drive.remaining !== undefined) tables.endurance.add([...identity, 'remaining'], { endurance_utilization: drive.remaining });
  for (const { id, name, value, worst, threshold, raw, failing } of withAttributes ? drive.attributes : []) {
    const values = {
      smart: value,
      'smart.worst': worst,
      'smart.threshold': threshold,
      'smart.raw': raw,
      'smart.failing': failing,
    };
    tables.attributes.add([...identity, name, id], values);
  }
  for (const { name, active } of drive.conditions) tables.conditions.add([...identity, name], { active });
  if (drive.state !== undefined)
    for (const state of STATES) tables.status.add([...typed, state], { status: Number(state === drive.state) });
  for (const [where, degrees] of drive.temperatures) tables.temperature.add([...typed, where], { temperature: degrees });
  for (const [type, degrees] of drive.temperatureLimits)
    tables.temperatureLimit.add([...typed, 'drive', type], { limit: degrees });
  for (const page of drive.pages) {
    for (const kind of ['corrected', 'uncorrected'] as const)
      if (page[kind] !== undefined) tables.errors.add([...typed, `${page.operation}.${kind}`], { errors: page[kind] });
    tables.pages.add([...identity, page.operation], {
      processed: page.processed,
      'corrected.fast': page.fast,
      'corrected.delayed': page.delayed,
      'corrected.repeated': page.repeated,
      correction_invocations: page.invocations,
    });
  }
}
