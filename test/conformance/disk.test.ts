/** What Telegraf makes of smartctl's answers: four scans and six drives. Every field of every line is compared, or counted as left. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Drive } from '../../src/smart/drive.ts';
import { options } from '../../src/smart/options.ts';
import { deviceName, parseScan, readAnswer } from '../../src/smart/smartctl.ts';
import { conformance } from '../support.ts';

const root = conformance('disk/smartctl-telegraf');
const casesOf = (kind: string): string[] => (root === undefined ? [] : readdirSync(join(root, kind)).toSorted());
const read = (...path: string[]): string => readFileSync(join(root as string, ...path), 'utf8');

interface Line {
  readonly measurement: string;
  readonly tags: Readonly<Record<string, string>>;
  readonly fields: Readonly<Record<string, string>>;
}

/** A line of InfluxDB's protocol; texts lose their quotes, whole numbers their `i`. */
function parseLine(line: string): Line {
  // The time stands behind the last blank; a quoted text has blanks of its own.
  const at = line.search(/(?<!\\) /);
  const [head, body] = [line.slice(0, at), line.slice(at + 1, line.lastIndexOf(' '))];
  const [measurement = '', ...tags] = head.split(/(?<!\\),/);
  const pairs = (list: readonly string[]): [string, string][] =>
    list.map((pair) => {
      const equals = pair.indexOf('=');
      return [pair.slice(0, equals), pair.slice(equals + 1).replace(/\\([ ,=])/g, '$1')];
    });
  const fields = pairs(body.match(/[\w]+=(?:"[^"]*"|[^,]*)/g) ?? []).map(([key, value]): [string, string] => [
    key,
    value.replace(/^"|"$|(?<=\d)i$/g, ''),
  ]);
  return { measurement, tags: Object.fromEntries(pairs(tags)), fields: Object.fromEntries(fields) };
}

test.skipIf(root === undefined)('there are four scans and six drives (skipped where ../shared/conformance is absent)', () => {
  expect([casesOf('testcases_scan').length, casesOf('testcases_device').length]).toEqual([4, 6]);
});

describe.each(casesOf('testcases_scan'))('scan %s', (name) => {
  test('as many drives', () => {
    const toml = read('testcases_scan', name, 'telegraf.toml');
    const list = (key: string): string[] | undefined => {
      const found = new RegExp(`${key} = \\[(.*)\\]`).exec(toml)?.[1];
      return found === undefined ? undefined : [...found.matchAll(/"([^"]*)"/g)].map(([, path]) => path as string);
    };
    const { include, exclude } = options.parse({
      include: list('devices_include') ?? ['*'],
      exclude: list('devices_exclude') ?? [],
    });
    const devices = parseScan(read('testcases_scan', name, 'response.json')).map(deviceName);
    expect(devices.filter((device) => include(device) && !exclude(device))).toHaveLength(
      Number(read('testcases_scan', name, 'expected.out')),
    );
    expect(new Set(devices).size).toBe(devices.length);
  });
});

const NUMBERS: Readonly<Record<string, (drive: Drive) => number | undefined>> = {
  capacity: ({ numbers }) => numbers.size,
  rotation_rate: ({ numbers }) => numbers.rotation,
  power_cycles: ({ numbers }) => numbers.power_cycles,
  available_spare: ({ numbers }) => Math.round((numbers.spare as number) * 100),
  available_spare_threshold: ({ numbers }) => Math.round((numbers['spare.threshold'] as number) * 100),
  controller_busy_time: ({ numbers }) => (numbers.busy_time as number) / 60,
  critical_comp_time: ({ numbers }) => (numbers.critical_temperature_time as number) / 60,
  warning_temp_time: ({ numbers }) => (numbers.warning_temperature_time as number) / 60,
  critical_warning: ({ numbers }) => numbers.critical_warning,
  data_units_read: ({ numbers }) => (numbers['data.read'] as number) / 512_000,
  data_units_written: ({ numbers }) => (numbers['data.written'] as number) / 512_000,
  host_reads: ({ numbers }) => numbers['commands.read'],
  host_writes: ({ numbers }) => numbers['commands.write'],
  media_errors: ({ numbers }) => numbers.media_errors,
  num_err_log_entries: ({ numbers }) => numbers.error_log_entries,
  percentage_used: ({ remaining }) => Math.round((1 - (remaining as number)) * 100),
  unsafe_shutdowns: ({ numbers }) => numbers.unsafe_shutdowns,
  accumulated_start_stop_cycles: ({ numbers }) => numbers.start_stop_cycles,
  accumulated_load_unload_cycles: ({ numbers }) => numbers.load_cycles,
  // Telegraf gives the minutes beyond the hour apart.
  power_on_hours: ({ numbers }) => Math.floor((numbers.power_on_time as number) / 3600),
  power_on_minutes: ({ numbers }) => ((numbers.power_on_time as number) % 3600) / 60,
  // A drive that says 0 has no sensor: absent here.
  temperature: ({ temperatures }) => temperatures.get('drive') ?? 0,
  health_ok: ({ state }) => Number(state === 'ok'),
};
/** Texts and constants of a drive that are no measurement. */
const LEFT = /^(firmware|logical_block_size|scsi_\w+|specified_\w+)$/;

const PAGE: Readonly<Record<string, 'corrected' | 'uncorrected' | 'fast' | 'delayed' | 'repeated' | 'invocations'>> = {
  total_errors_corrected: 'corrected',
  total_uncorrected_errors: 'uncorrected',
  errors_corrected_by_eccfast: 'fast',
  errors_corrected_by_eccdelayed: 'delayed',
  errors_corrected_by_rereads_rewrites: 'repeated',
  correction_algorithm_invocations: 'invocations',
};

/** Fields compared and the same, and fields left. */
const COUNTS: Readonly<Record<string, { same: number; left: number; packed: number }>> = {
  megaraid: { same: 98, left: 2, packed: 3 },
  nvme: { same: 19, left: 2, packed: 0 },
  scsi: { same: 27, left: 3, packed: 0 },
  scsi_extended: { same: 28, left: 10, packed: 0 },
  usb: { same: 56, left: 2, packed: 0 },
  usb_v2: { same: 56, left: 2, packed: 0 },
};

describe.each(casesOf('testcases_device'))('drive %s', (name) => {
  const folder = join('testcases_device', name);
  // `usb_v2` is the answer of `usb` in another form of Telegraf's.
  const response = existsSync(join(root as string, folder, 'response.json')) ? folder : join('testcases_device', 'usb');
  const device = { path: read(folder, 'device').trim(), type: read(folder, 'deviceType').trim() };
  const outcome = readAnswer(read(response, 'response.json'), device);
  const lines = read(folder, 'expected.out').trim().split('\n').map(parseLine);

  test('every field of every line', () => {
    const { drive } = outcome as { drive: Drive };
    const count = { same: 0, left: 0, packed: 0 };
    const compare = (field: string, ours: number | undefined, theirs: string): void => {
      const expected = theirs === 'true' ? 1 : theirs === 'false' ? 0 : Number(theirs);
      expect(ours, `${field} is ${theirs}`).toBe(expected);
      count.same++;
    };
    for (const { measurement, tags, fields } of lines) {
      const attribute = drive.attributes.find((one) => one.name === (tags['attribute'] ?? tags['name']));
      const page = drive.pages.find((one) => one.operation === tags['page']);
      for (const [field, value] of Object.entries(fields)) {
        const text = `${measurement} ${JSON.stringify(tags)} ${field}`;
        if (measurement === 'smartctl' && LEFT.test(field)) count.left++;
        else if (measurement === 'smartctl') compare(text, NUMBERS[field]?.(drive), value);
        else if (field === 'raw_value' && `${attribute?.raw}` !== value) {
          // Several numbers in one: here the first of what smartctl reads in it, which is the low bytes.
          expect(attribute?.raw, text).toBe(Number(BigInt(value) % 65_536n));
          count.packed++;
        } else if (field === 'raw_value') compare(text, attribute?.raw, value);
        else if (measurement === 'smartctl_attributes')
          compare(text, attribute?.[field as 'value' | 'worst' | 'threshold'], value);
        else if (field === 'gigabytes_processed') compare(text, (page?.processed as number) / 1e9, value);
        else compare(text, page?.[PAGE[field] as 'corrected'], value);
      }
    }
    expect(count).toEqual(COUNTS[name]);
    expect(drive.serial).toBe(lines[0]?.tags['serial']);
    expect(drive.model).toBe(lines[0]?.tags['model'] ?? lines[0]?.fields['scsi_model']);
    const wwn = lines[0]?.tags['wwn'];
    if (wwn !== undefined) expect(drive.id).toBe(`0x${wwn}`);
  });
});
