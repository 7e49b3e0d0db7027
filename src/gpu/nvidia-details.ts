/**
 * What `nvidia-smi -q -x` tells of each GPU beside its columns: MIG devices, processes, PCIe throughput, limits of temperature, errors.
 * Elements come and go with the driver, inside one version of the DTD too, so that each is looked for by its names.
 */
import { cellNumber } from './cell.ts';
import { type Process, Reading } from './reading.ts';
import { all, type Element, find, parseXml, textOf } from './xml.ts';

/** Processes of one GPU that are reported: those that use most memory. */
const PROCESSES_MAX = 256;

export interface Details {
  /** By UUID: what belongs to the GPU. */
  readonly gpus: ReadonlyMap<string, Reading>;
  /** MIG devices. */
  readonly shares: readonly Reading[];
}

/** Locations and types of limit, by the elements that hold them. Limits that are told as a distance have other names, and are left out. */
const TEMPERATURE_LIMITS: readonly [string, string][] = [
  ['gpu_temp_max_threshold', 'gpu critical'],
  ['gpu_temp_slow_threshold', 'gpu throttled'],
  ['gpu_temp_max_gpu_threshold', 'gpu max'],
  ['gpu_temp_max_mem_threshold', 'memory max'],
];

/** What is read of a GPU; the rest, as its hundreds of supported clocks, is passed over. */
const OF_A_GPU: ReadonlySet<string> = new Set([
  'product_name',
  'uuid',
  'mig_devices',
  'pci',
  'temperature',
  'ecc_errors',
  'retired_pages',
  'remapped_rows',
  'processes',
  'accounted_processes',
]);

export function parseDetails(xml: string): Details {
  const log = parseXml(xml, (name, depth) => depth !== 2 || OF_A_GPU.has(name));
  const gpus = new Map<string, Reading>();
  const shares: Reading[] = [];
  for (const element of all(log, 'gpu')) {
    const uuid = textOf(element, 'uuid') || element.attributes['id'] || '';
    const name = textOf(element, 'product_name') ?? '';
    const reading = new Reading('NVIDIA', uuid, name);
    addWhole(reading, element);
    gpus.set(uuid, reading);
    for (const device of all(find(element, 'mig_devices'), 'mig_device')) shares.push(share(reading, device));
    // A process belongs to one row: that of its share, where it has one.
    reading.processes = reading.processes?.filter((one) => !one.share || !shares.some(({ id }) => id === `${uuid}/${one.share}`));
  }
  return { gpus, shares };
}

function addWhole(reading: Reading, element: Element): void {
  const temperature = find(element, 'temperature');
  for (const [name, limit] of TEMPERATURE_LIMITS) put(reading.temperatureLimits, limit, textOf(temperature, name));
  put(reading.io, 'receive', textOf(element, 'pci/rx_util'));
  put(reading.io, 'transmit', textOf(element, 'pci/tx_util'));
  reading.numbers['pcie.replays'] = cellNumber(textOf(element, 'pci/replay_counter'));
  addEcc(reading, find(element, 'ecc_errors'));
  const pages = find(element, 'retired_pages');
  const { numbers } = reading;
  numbers['retired_pages.single_bit'] = cellNumber(textOf(pages, 'multiple_single_bit_retirement/retired_count'));
  numbers['retired_pages.double_bit'] = cellNumber(textOf(pages, 'double_bit_retirement/retired_count'));
  numbers['retired_pages.pending'] = cellNumber(textOf(pages, 'pending_blacklist', 'pending_retirement'));
  const rows = find(element, 'remapped_rows');
  numbers['remapped_rows.correctable'] = cellNumber(textOf(rows, 'remapped_row_corr'));
  numbers['remapped_rows.uncorrectable'] = cellNumber(textOf(rows, 'remapped_row_unc'));
  numbers['remapped_rows.pending'] = cellNumber(textOf(rows, 'remapped_row_pending'));
  numbers['remapped_rows.failure'] = cellNumber(textOf(rows, 'remapped_row_failure'));
  const used = processes(element);
  if (used) reading.processes = used;
}

/** `volatile/sram_correctable`, and in older drivers `volatile/single_bit/total`. */
function addEcc(reading: Reading, ecc: Element | undefined): void {
  for (const span of ['volatile', 'aggregate']) {
    for (const { name, text, children } of find(ecc, span)?.children ?? []) {
      const [, place, kind = ''] = /^(sram|dram)_(correctable|uncorrectable)$/.exec(name) ?? [];
      if (place !== undefined) put(reading.errors, `ecc.${kind.replace('able', 'ed')}.${span}.${place}`, text);
      const total = children.find((child) => child.name === 'total')?.text;
      if (name === 'single_bit') put(reading.errors, `ecc.corrected.${span}.total`, total);
      if (name === 'double_bit') put(reading.errors, `ecc.uncorrected.${span}.total`, total);
    }
  }
}

function share(gpu: Reading, device: Element): Reading {
  const [instance, compute] = [textOf(device, 'gpu_instance_id') ?? '', textOf(device, 'compute_instance_id') ?? ''];
  const reading = new Reading('NVIDIA', `${gpu.id}/${instance}/${compute}`, `${gpu.name} MIG ${instance}/${compute}`, gpu.id);
  const memory = find(device, 'fb_memory_usage');
  reading.numbers['memory.usage'] = cellNumber(textOf(memory, 'used'));
  reading.numbers['memory.limit'] = cellNumber(textOf(memory, 'total'));
  reading.numbers['memory.reserved'] = cellNumber(textOf(memory, 'reserved'));
  const volatile = find(device, 'ecc_error_count', 'volatile_count');
  put(reading.errors, 'ecc.uncorrected.volatile.sram', textOf(volatile, 'sram_uncorrectable'));
  put(reading.tasks, 'general', textOf(device, 'utilization/gpu_util'));
  const ours = gpu.processes?.filter((one) => one.share === `${instance}/${compute}`);
  if (ours && ours.length > 0) reading.processes = ours;
  return reading;
}

function processes(element: Element): Process[] | undefined {
  const list = find(element, 'processes');
  if (!list || list.children.length === 0) return list && list.text === '' ? [] : undefined;
  const accounted = new Map(
    all(find(element, 'accounted_processes'), 'accounted_process_info').map((one) => [
      textOf(one, 'pid'),
      textOf(one, 'gpu_util'),
    ]),
  );
  const found = all(list, 'process_info').map((one): Process => {
    const [instance, compute] = [textOf(one, 'gpu_instance_id'), textOf(one, 'compute_instance_id')];
    const pid = textOf(one, 'pid') ?? '';
    return {
      pid,
      name: textOf(one, 'process_name') ?? '',
      kind: kindOf(textOf(one, 'type')),
      memory: cellNumber(textOf(one, 'used_memory')),
      utilization: cellNumber(accounted.get(pid)),
      share: instance === undefined || instance === 'N/A' ? '' : `${instance}/${compute}`,
    };
  });
  return found.toSorted((a, b) => (b.memory ?? 0) - (a.memory ?? 0)).slice(0, PROCESSES_MAX);
}

const kindOf = (type = ''): string =>
  [type.includes('C') || type.includes('M') ? 'compute' : '', type.includes('G') ? 'graphics' : ''].filter(Boolean).join('+');

function put(map: Map<string, number>, name: string, text: string | undefined): void {
  const value = cellNumber(text);
  if (value !== undefined) map.set(name, value);
}
