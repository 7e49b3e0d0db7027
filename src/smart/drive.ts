/**
 * One drive as `smartctl --json --all` tells of it: ATA, NVMe or SCSI, behind a RAID controller or not. Base units; absent is undefined.
 *
 * Drives of one model differ in what they tell, and versions of smartctl in what they call it (`model_name`, `scsi_model_name`), so that
 * each number is looked for by itself. https://www.smartmontools.org/wiki, smartctl(8)
 */
import { type Condition, conditionsOf } from './exit.ts';
import { at, type Json, numberAt, objectsAt, textAt } from './json.ts';

export const NUMBERS = [
  'size',
  'power_on_time',
  'power_cycles',
  'start_stop_cycles',
  'load_cycles',
  'rotation',
  'data.read',
  'data.written',
  'commands.read',
  'commands.write',
  'busy_time',
  'unsafe_shutdowns',
  'media_errors',
  'error_log_entries',
  'defects',
  'spare',
  'spare.threshold',
  'critical_warning',
  'warning_temperature_time',
  'critical_temperature_time',
  'self_test.passed',
  'self_test.running',
  'self_test.power_on_time',
] as const;
export type NumberName = (typeof NUMBERS)[number];

export interface Attribute {
  readonly id: string;
  readonly name: string;
  readonly value: number | undefined;
  readonly worst: number | undefined;
  readonly threshold: number | undefined;
  readonly raw: number | undefined;
  /** 1 while the value is at or below its threshold, else 0. */
  readonly failing: number | undefined;
}

/** Counters of SCSI for one of `read`, `write`, `verify`. */
export interface Page {
  readonly operation: string;
  readonly processed: number | undefined;
  readonly corrected: number | undefined;
  readonly uncorrected: number | undefined;
  readonly fast: number | undefined;
  readonly delayed: number | undefined;
  readonly repeated: number | undefined;
  readonly invocations: number | undefined;
}

export interface Drive {
  readonly id: string;
  /** The device, and behind a controller which of its drives: `/dev/bus/6 megaraid,14`. */
  readonly name: string;
  readonly model: string;
  readonly serial: string;
  /** `ATA`, `NVMe`, `SCSI`. */
  readonly protocol: string;
  readonly numbers: Partial<Record<NumberName, number | undefined>>;
  /** Share of the written life that is left. */
  readonly remaining: number | undefined;
  readonly temperatures: ReadonlyMap<string, number>;
  /** By type of limit, of the drive as a whole. */
  readonly temperatureLimits: ReadonlyMap<string, number>;
  readonly attributes: readonly Attribute[];
  readonly pages: readonly Page[];
  /** What the exit status says of the drive, empty where it says nothing. */
  readonly conditions: readonly Condition[];
  /** 1 while it sleeps and is not woken. */
  readonly standby: 0 | 1;
  /** `ok`, `predicted_failure`, `degraded`; undefined where nothing tells. */
  readonly state: string | undefined;
}

/** A data unit of NVMe is a thousand blocks of 512 bytes. */
const NVME_UNIT_BYTES = 512_000;
/** Temperatures that some drives and adapters give for "no sensor". */
const TEMPERATURE_MAX = 150;

/** Makes a drive of an answer whose exit status says that there is one. */
export function driveOf(answer: Json, device: string, standby: 0 | 1): Drive {
  const nvme = at(answer, 'nvme_smart_health_information_log');
  const exit = numberAt(answer, 'smartctl', 'exit_status') ?? 0;
  const serial = textAt(answer, 'serial_number') ?? '';
  const used =
    numberAt(nvme, 'percentage_used') ??
    numberAt(answer, 'scsi_percentage_used_endurance_indicator') ??
    // What newer versions make of what ATA drives count, each maker in its own way.
    numberAt(answer, 'endurance_used', 'current_percent');
  const conditions = standby === 1 ? [] : conditionsOf(exit);
  return {
    id: wwnOf(at(answer, 'wwn')) ?? textAt(answer, 'logical_unit_id') ?? (serial || device),
    name: device,
    model: modelOf(answer),
    serial,
    protocol: textAt(answer, 'device', 'protocol') ?? '',
    numbers: numbersOf(answer, nvme),
    remaining: used === undefined ? undefined : percent(Math.max(0, 100 - used)),
    temperatures: temperaturesOf(answer, nvme),
    temperatureLimits: limitsOf(answer),
    attributes: objectsAt(answer, 'ata_smart_attributes', 'table').map(attributeOf),
    pages: pagesOf(at(answer, 'scsi_error_counter_log')),
    conditions,
    standby,
    state: standby === 1 ? undefined : stateOf(answer, nvme, conditions),
  };
}

const percent = (value: number | undefined): number | undefined => (value === undefined ? undefined : value / 100);
const hours = (value: number | undefined): number | undefined => (value === undefined ? undefined : value * 3600);
const minutes = (value: number | undefined): number | undefined => (value === undefined ? undefined : value * 60);
const units = (value: number | undefined): number | undefined => (value === undefined ? undefined : value * NVME_UNIT_BYTES);
const flag = (value: Json): 0 | 1 | undefined => (typeof value === 'boolean' ? (value ? 1 : 0) : undefined);

function modelOf(answer: Json): string {
  const whole = textAt(answer, 'model_name') ?? textAt(answer, 'scsi_model_name');
  const parts = [
    textAt(answer, 'scsi_vendor') ?? textAt(answer, 'vendor'),
    textAt(answer, 'scsi_product') ?? textAt(answer, 'product'),
  ];
  return whole ?? parts.filter((part) => part !== undefined).join(' ');
}

/** Name of the drive by IEEE, as `lsblk -o WWN` writes it. */
function wwnOf(wwn: Json): string | undefined {
  const [naa, oui, id] = [numberAt(wwn, 'naa'), numberAt(wwn, 'oui'), numberAt(wwn, 'id')];
  if (naa === undefined || oui === undefined || id === undefined) return undefined;
  return `0x${naa.toString(16)}${oui.toString(16).padStart(6, '0')}${id.toString(16).padStart(9, '0')}`;
}

function numbersOf(answer: Json, nvme: Json): Drive['numbers'] {
  const test = selfTestOf(answer);
  const onTime = hours(numberAt(answer, 'power_on_time', 'hours'));
  const cycles = at(answer, 'scsi_start_stop_cycle_counter');
  return {
    size: numberAt(answer, 'user_capacity', 'bytes') ?? numberAt(answer, 'nvme_total_capacity'),
    power_on_time: onTime === undefined ? undefined : onTime + 60 * (numberAt(answer, 'power_on_time', 'minutes') ?? 0),
    power_cycles: numberAt(answer, 'power_cycle_count'),
    start_stop_cycles: numberAt(cycles, 'accumulated_start_stop_cycles'),
    load_cycles: numberAt(cycles, 'accumulated_load_unload_cycles'),
    rotation: numberAt(answer, 'rotation_rate'),
    'data.read': units(numberAt(nvme, 'data_units_read')),
    'data.written': units(numberAt(nvme, 'data_units_written')),
    'commands.read': numberAt(nvme, 'host_reads'),
    'commands.write': numberAt(nvme, 'host_writes'),
    busy_time: minutes(numberAt(nvme, 'controller_busy_time')),
    unsafe_shutdowns: numberAt(nvme, 'unsafe_shutdowns'),
    media_errors: numberAt(nvme, 'media_errors'),
    error_log_entries: numberAt(nvme, 'num_err_log_entries') ?? ataErrors(answer),
    defects: numberAt(answer, 'scsi_grown_defect_list'),
    spare: percent(numberAt(nvme, 'available_spare') ?? numberAt(answer, 'spare_available', 'current_percent')),
    'spare.threshold': percent(
      numberAt(nvme, 'available_spare_threshold') ?? numberAt(answer, 'spare_available', 'threshold_percent'),
    ),
    critical_warning: numberAt(nvme, 'critical_warning'),
    warning_temperature_time: minutes(numberAt(nvme, 'warning_temp_time')),
    critical_temperature_time: minutes(numberAt(nvme, 'critical_comp_time')),
    'self_test.passed': test.passed,
    'self_test.running': test.running,
    'self_test.power_on_time': hours(test.hours),
  };
}

/** The extended log counts further than the summary, where a drive has it. */
const ataErrors = (answer: Json): number | undefined =>
  numberAt(answer, 'ata_smart_error_log', 'extended', 'count') ?? numberAt(answer, 'ata_smart_error_log', 'summary', 'count');

interface SelfTest {
  readonly passed: number | undefined;
  readonly running: number | undefined;
  /** Hours that the drive had been on when the last one ended. */
  readonly hours: number | undefined;
}

/** The newest self-test of the log, which is the first in it. */
function selfTestOf(answer: Json): SelfTest {
  const ata =
    objectsAt(answer, 'ata_smart_self_test_log', 'extended', 'table')[0] ??
    objectsAt(answer, 'ata_smart_self_test_log', 'standard', 'table')[0];
  const ataStatus = numberAt(answer, 'ata_smart_data', 'self_test', 'status', 'value');
  // The high half byte is 15 while one runs.
  if (ataStatus !== undefined)
    return {
      passed: flag(at(ata, 'status', 'passed')),
      running: ataStatus >> 4 === 15 ? 1 : 0,
      hours: numberAt(ata, 'lifetime_hours'),
    };
  const current = numberAt(answer, 'nvme_self_test_log', 'current_self_test_operation', 'value');
  const nvme = objectsAt(answer, 'nvme_self_test_log', 'table')[0];
  if (current !== undefined) {
    const result = numberAt(nvme, 'self_test_result', 'value');
    return {
      passed: result === undefined ? undefined : Number(result === 0),
      running: current === 0 ? 0 : 1,
      hours: numberAt(nvme, 'power_on_hours'),
    };
  }
  const scsi = at(answer, 'scsi_self_test_0');
  const result = numberAt(scsi, 'result', 'value');
  // 15 is in progress; 1 and 2 were stopped, by a command and by a reset.
  const passed = result === undefined || result === 15 || result === 1 || result === 2 ? undefined : Number(result === 0);
  return {
    passed,
    running: result === undefined ? undefined : Number(result === 15),
    hours: numberAt(scsi, 'power_on_time', 'hours'),
  };
}

function temperaturesOf(answer: Json, nvme: Json): Map<string, number> {
  const temperatures = new Map<string, number>();
  const put = (where: string, value: number | undefined): void => {
    // A drive without a sensor says 0, which no drive that spins has indoors.
    if (value !== undefined && value !== 0 && value < TEMPERATURE_MAX) temperatures.set(where, value);
  };
  put('drive', numberAt(answer, 'temperature', 'current'));
  const sensors = at(nvme, 'temperature_sensors');
  if (Array.isArray(sensors))
    for (const [i, value] of sensors.entries()) put(`sensor ${i + 1}`, typeof value === 'number' ? value : undefined);
  return temperatures;
}

function limitsOf(answer: Json): Map<string, number> {
  const limits = new Map<string, number>();
  const put = (type: string, value: number | undefined): void => {
    if (value !== undefined && value > 0) limits.set(type, value);
  };
  put(
    'high.critical',
    numberAt(answer, 'temperature', 'drive_trip') ?? numberAt(answer, 'nvme_composite_temperature_threshold', 'critical'),
  );
  put('high.degraded', numberAt(answer, 'nvme_composite_temperature_threshold', 'warning'));
  put('max', numberAt(answer, 'temperature', 'op_limit_max'));
  return limits;
}

function attributeOf(entry: Json): Attribute {
  // Empty where it never has: absent only where smartctl does not say.
  const failed = at(entry, 'when_failed');
  return {
    id: `${numberAt(entry, 'id') ?? ''}`,
    name: textAt(entry, 'name') ?? '',
    value: numberAt(entry, 'value'),
    worst: numberAt(entry, 'worst'),
    threshold: numberAt(entry, 'thresh'),
    raw: rawOf(entry),
    failing: typeof failed === 'string' ? Number(failed === 'now') : undefined,
  };
}

/**
 * The raw value is 48 to 64 bits in which vendors pack several numbers, beyond what a double holds exactly. The text beside it is what smartctl
 * makes of them: `24 (Min/Max 16/31)`, `50311h+35m+49.046s`. Its first number is the one that is meant. Where it has none, a
 * value that a double cannot hold is absent.
 */
function rawOf(entry: Json): number | undefined {
  const first = /^-?\d+(?![\dxX])/.exec(textAt(entry, 'raw', 'string') ?? '')?.[0];
  const value = first === undefined ? numberAt(entry, 'raw', 'value') : Number(first);
  return Number.isSafeInteger(value) ? value : undefined;
}

function pagesOf(log: Json): Page[] {
  return ['read', 'write', 'verify'].flatMap((operation) => {
    const page = at(log, operation);
    if (page === undefined) return [];
    const gigabytes = Number(textAt(page, 'gigabytes_processed') ?? Number.NaN);
    return [
      {
        operation,
        processed: Number.isFinite(gigabytes) ? Math.round(gigabytes * 1e9) : undefined,
        corrected: numberAt(page, 'total_errors_corrected'),
        uncorrected: numberAt(page, 'total_uncorrected_errors'),
        fast: numberAt(page, 'errors_corrected_by_eccfast'),
        delayed: numberAt(page, 'errors_corrected_by_eccdelayed'),
        repeated: numberAt(page, 'errors_corrected_by_rereads_rewrites'),
        invocations: numberAt(page, 'correction_algorithm_invocations'),
      },
    ];
  });
}

function stateOf(answer: Json, nvme: Json, conditions: readonly Condition[]): string | undefined {
  const active = (name: string): boolean => conditions.some((condition) => condition.name === name && condition.active === 1);
  const passed = at(answer, 'smart_status', 'passed');
  if (passed === false || active('failing') || active('attribute_below_threshold')) return 'predicted_failure';
  if ((numberAt(nvme, 'critical_warning') ?? 0) !== 0) return 'degraded';
  return passed === true ? 'ok' : undefined;
}
