/**
 * What other projects know of GPUs: captures of nvidia-smi on four machines (nvidia_gpu_exporter) and of rocm-smi on four cards (Telegraf).
 * Every column of a capture is read as the sensor reads cells, and compared where the exporter has a number for it; what is left is counted. Left
 * out whole are the exporter's metrics of its own and its queries of processes, for which the sensor reads XML, of which there is no capture.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { cellNumber } from '../../src/gpu/cell.ts';
import { parseLinks, Rows } from '../../src/gpu/nvidia.ts';
import { Columns, parseHelp } from '../../src/gpu/nvidia-columns.ts';
import type { Reading } from '../../src/gpu/reading.ts';
import { parseRocm } from '../../src/gpu/rocm.ts';
import { FakeClock } from '../clock.ts';
import { conformance } from '../support.ts';

const nvidia = conformance('gpu/nvidia-smi');
const rocm = conformance('gpu/rocm-smi');
const captures = nvidia === undefined ? [] : readdirSync(nvidia).filter((name) => name.endsWith('.txt.gz'));
const unzip = (...path: string[]): string => gunzipSync(readFileSync(join(...path))).toString('utf8');

/** The output below a section's title, without its frame. */
function section(capture: string, title: string): string {
  const parts = capture.split(/^#{80}\n/m);
  const at = parts.findIndex((part) => part.startsWith(`# ${title}`));
  return (parts[at + 1] ?? '').replace(/\n{3,}$/, '\n').trimStart();
}

/** The exporter's number of each metric, by name without its prefix. */
function expectedOf(capture: string, state: string): Map<string, number> {
  const text = unzip(nvidia as string, 'expected', capture.replace('.txt.gz', `__${state}.metrics.gz`));
  return new Map(
    [...text.matchAll(/^nvidia_smi_(\w+)\{uuid="[^"]*"\} (\S+)$/gm)].map(([, name, value]) => [name as string, Number(value)]),
  );
}

const SUFFIX: Readonly<Record<string, string>> = { '%': '_ratio', MiB: '_bytes', W: '_watts', MHz: '_clock_hz', us: '_seconds' };
/** `encoder.stats.averageFps` is `encoder_stats_average_fps` there. */
const metric = (name: string, unit: string): string =>
  name
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .replaceAll('.', '_')
    .toLowerCase() + (SUFFIX[unit] ?? '');
/** States that the exporter numbers by a list of its own, and digits that it finds in the name; we report neither. */
const ENUMERATED = new Set([
  'name',
  'compute_mode',
  'fabric_state',
  'fabric_status',
  'gpu_recovery_action',
  'addressing_mode',
  'platform_peer_type',
]);

test.skipIf(nvidia === undefined)('there are four captures (skipped where ../shared/conformance is absent)', () => {
  expect(captures).toHaveLength(4);
});

describe.each(captures)('%s', (name) => {
  const capture = unzip(nvidia as string, name);
  const help = parseHelp(section(capture, 'capabilities :: help-query-gpu'));

  test('its help lists every column that was asked for', () => {
    const listed = new Set(help.flat());
    const asked = section(capture, 'capabilities :: query-gpu field list').trim().split('\n');
    expect(asked.filter((column) => !listed.has(column))).toEqual([]);
    expect(asked.length).toBeGreaterThan(190);
  });

  test.each(['idle', 'load'])('%s: every column that the exporter has a number for', (state) => {
    const [header = '', row = ''] = section(capture, `${state} :: query-gpu`).split('\n');
    const expected = expectedOf(name, state);
    const cells = row.trimEnd().split(', ');
    const names = header.trimEnd().split(', ');
    expect(cells).toHaveLength(names.length);
    const count = { same: 0, neither: 0, states: 0, ours: 0, other: [] as string[] };
    for (const [i, title] of names.entries()) {
      const [, column = '', unit = ''] = /^(\S+?)(?: \[(.+)\])?$/.exec(title) ?? [];
      const theirs = expected.get(metric(column, unit));
      const ours = cellNumber(cells[i], unit);
      if (theirs === undefined && ours === undefined) count.neither++;
      else if (theirs === undefined) count.ours++;
      else if (ENUMERATED.has(metric(column, unit))) count.states++;
      else if (ours !== undefined && Math.abs(ours - theirs) <= Math.abs(theirs) * 1e-12) count.same++;
      else count.other.push(`${column}: ${cells[i]} is ${ours}, and there ${theirs}`);
    }
    expect(count).toEqual({ ...COUNTS[name.replace('.txt.gz', '')], other: [] });
  });

  test.each(['idle', 'load'])('%s: the sensor asks for its columns and reads them from that row', (state) => {
    const text = section(capture, `${state} :: query-gpu`);
    const expected = expectedOf(name, state);
    const columns = new Columns(help);
    const rows = new Rows(columns, new FakeClock());
    rows.start();
    expect(rows.feed(text)).toBe(true);
    expect(rows.fault).toBeUndefined();
    const [reading] = rows.fresh(1000) as [Reading];
    expect(columns.asked.length).toBeGreaterThan(60);
    expect(reading.name).toContain('NVIDIA');
    expect(reading.numbers['memory.usage']).toBe(expected.get('memory_used_bytes'));
    expect(reading.numbers['memory.limit']).toBe(expected.get('memory_total_bytes'));
    expect(reading.tasks.get('general')).toBe(expected.get('utilization_gpu_ratio'));
    expect(reading.tasks.get('encoder')).toBe(expected.get('utilization_encoder_ratio'));
    expect(reading.temperatures.get('gpu')).toBe(expected.get('temperature_gpu'));
    expect(reading.power).toBe(expected.get('power_draw_watts'));
    expect(reading.numbers['power.limit']).toBe(expected.get('enforced_power_limit_watts'));
    expect(reading.clocks.get('sm')?.now).toBe(expected.get('clocks_current_sm_clock_hz'));
    expect(reading.fans.get('gpu')?.ratio).toBe(expected.get('fan_speed_ratio'));
    expect(reading.throttles.get('sw_power_cap')?.active).toBe(expected.get('clocks_event_reasons_sw_power_cap'));
    expect(reading.errors.get('ecc.corrected.aggregate.total')).toBe(expected.get('ecc_errors_corrected_aggregate_total'));
    expect(reading.numbers['remapped_rows.correctable']).toBe(expected.get('remapped_rows_correctable'));
    expect(reading.numbers['pcie.width']).toBe(expected.get('pcie_link_width_current'));
    expect(reading.numbers.mig).toBe(expected.get('mig_mode_current'));
  });

  test('its links', () => {
    const links = parseLinks(section(capture, 'capabilities :: nvlink'));
    expect(links.get('GPU-00000000-0000-0000-0000-000000000000')?.size ?? 0).toBe(name.includes('h200') ? 18 : 0);
  });
});

/** How many columns are the same, have no number on either side, are states that it numbers, and have a number here alone (a date, a version). */
const COUNTS: Readonly<Record<string, { same: number; neither: number; states: number; ours: number }>> = {
  'linux-x86_64__nvidia-geforce-rtx-2080-super__595.71.05': { same: 78, neither: 121, states: 3, ours: 0 },
  'linux-x86_64__nvidia-h100-mig__590.48.01': { same: 113, neither: 96, states: 3, ours: 0 },
  'linux-x86_64__nvidia-h200__590.48.01': { same: 123, neither: 85, states: 4, ours: 0 },
  'windows-x86_64__nvidia-geforce-rtx-2080-super__591.86': { same: 71, neither: 136, states: 3, ours: 0 },
};

interface RocmCase {
  readonly name: string;
  readonly file: string;
  readonly expected: readonly { readonly tags: Record<string, string>; readonly fields: Record<string, string | number> }[];
}
const rocmCases =
  rocm === undefined ? [] : (JSON.parse(readFileSync(join(rocm, 'expected.json'), 'utf8')) as { cases: RocmCase[] }).cases;

/** What Telegraf has that is no number of a GPU at work: texts, driver version, and the difference of two others. */
const NOT_COMPARED = new Set(['card_model', 'card_series', 'card_vendor', 'driver_version', 'memory_free']);

describe.each(rocmCases)('rocm-smi: $name', ({ file, expected }) => {
  test('every number that Telegraf has', () => {
    const readings = parseRocm(readFileSync(join(rocm as string, file), 'utf8'));
    expect(readings).toHaveLength(expected.length);
    let [same, left] = [0, 0];
    for (const [i, { fields }] of expected.entries()) {
      const reading = readings[i] as Reading;
      const hz = (clock: string): number | undefined => {
        const now = reading.clocks.get(clock)?.now;
        return now === undefined ? undefined : now / 1e6;
      };
      const ours: Record<string, number | undefined> = {
        memory_total: reading.numbers['memory.limit'],
        memory_used: reading.numbers['memory.usage'],
        temperature_sensor_edge: reading.temperatures.get('edge'),
        temperature_sensor_junction: reading.temperatures.get('junction'),
        temperature_sensor_memory: reading.temperatures.get('memory'),
        utilization_gpu: (reading.tasks.get('general') as number) * 100,
        clocks_current_display: hz('dcefclk'),
        clocks_current_sm: hz('graphics'),
        clocks_current_memory: hz('memory'),
        clocks_current_system: hz('socclk'),
        clocks_current_fabric: hz('fclk'),
        power_draw: reading.power,
        fan_speed: (reading.fans.get('gpu')?.ratio ?? 0) * 100,
        // 6.1 renamed what it is; there Telegraf takes the share of memory in use.
        utilization_memory: file.includes('612') ? 12 : (reading.numbers['memory.activity'] ?? 0) * 100,
      };
      for (const [field, value] of Object.entries(fields)) {
        if (NOT_COMPARED.has(field)) left++;
        else {
          expect(ours[field], `${file} card${i} ${field}`).toBeCloseTo(value as number, 9);
          same++;
        }
      }
    }
    expect({ same, left }).toEqual(ROCM_COUNTS[file]);
  });
});

const ROCM_COUNTS: Readonly<Record<string, { same: number; left: number }>> = {
  'vega-10-XT.json': { same: 12, left: 4 },
  'mi100_rocm571.json': { same: 72, left: 30 },
  'mi100_rocm602.json': { same: 48, left: 20 },
  'rx6700xt_rocm612.json': { same: 13, left: 5 },
};
