/**
 * GPUs of NVIDIA, AMD and Intel in one shape: from tools that stream (`nvidia-smi`, `xpu-smi`, `intel_gpu_top`), from sysfs, or from `rocm-smi`.
 *
 * `hw.gpu.memory`, `hw.gpu.utilization`, `hw.temperature`, `hw.power`, `hw.energy`, `hw.errors` and `hw.fan` are OpenTelemetry's names; the
 * conventions have none for clocks, throttling, limits of power, PCIe, links and processes.
 */
import { type AnyTable, counter, defineSchema, gauge, updowncounter } from '../src/event.ts';
import { options } from '../src/gpu/options.ts';
import type { NumberName, Reading } from '../src/gpu/reading.ts';
import { Gpus } from '../src/gpu/sources.ts';
import { defineSensor } from '../src/sensor.ts';

/** What every row has; vendor and parent are said once a GPU, in `hw.gpu`, for there are many rows. */
const IDENTITY = ['hw.id', 'hw.name'] as const;
const TYPED = [...IDENTITY, 'hw.type'] as const;

const gpu = defineSchema({
  type: 'hw.gpu',
  doc: 'Each GPU, and each MIG device with its GPU as `hw.parent`. The id is a UUID, or the PCI address where there is none.',
  attributes: [...IDENTITY, 'hw.vendor', 'hw.parent'],
  fields: {
    'memory.usage': updowncounter('By', 'Memory in use.'),
    'memory.limit': updowncounter('By', 'Size of the memory.'),
    'memory.utilization': gauge('1', 'Share of the memory that is in use.'),
    'memory.reserved': updowncounter('By', 'Memory that driver and firmware keep for themselves.'),
    'memory.activity': gauge('1', 'Share of time in which memory was read or written.'),
    'power.limit': gauge('W', 'The most that it may take now.'),
    'power.limit.default': gauge('W', 'The limit that it starts with.'),
    'power.limit.min': gauge('W', 'The lowest that the limit may be set to.'),
    'power.limit.max': gauge('W', 'The highest that the limit may be set to.'),
    performance_state: gauge('1', 'Performance state of NVIDIA, from 0 (most) to 15.'),
    'pcie.generation': gauge('1', 'Generation of the PCIe link now. An idle GPU may use an older one.'),
    'pcie.generation.max': gauge('1', 'The newest that GPU and slot can.'),
    'pcie.width': gauge('{lane}', 'Lanes of the PCIe link now.'),
    'pcie.width.max': gauge('{lane}', 'The most that GPU and slot can.'),
    'pcie.replays': counter('{replay}', 'Packets of PCIe that had to be sent again.'),
    'encoder.sessions': updowncounter('{session}', 'Encodings in progress.'),
    'encoder.frame_rate': gauge('{frame}/s', 'Frames a second of an encoding, on average.'),
    'encoder.latency': gauge('s', 'Latency of an encoding, on average.'),
    mig: gauge('1', '1 when it is split into MIG devices, else 0. Its own utilization is absent then.'),
    ecc: gauge('1', '1 when its memory corrects errors, else 0.'),
    'retired_pages.single_bit': counter('{page}', 'Pages that are no longer used because of several single bit errors.'),
    'retired_pages.double_bit': counter('{page}', 'Pages that are no longer used because of a double bit error.'),
    'retired_pages.pending': gauge('1', '1 when a page is to be retired at the next start, else 0.'),
    'remapped_rows.correctable': counter('{row}', 'Rows that were replaced because of correctable errors.'),
    'remapped_rows.uncorrectable': counter('{row}', 'Rows that were replaced because of uncorrectable errors.'),
    'remapped_rows.pending': gauge('1', '1 when a row is to be replaced at the next reset, else 0.'),
    'remapped_rows.failure': gauge('1', '1 when a row could not be replaced, else 0.'),
    processes: updowncounter('{process}', 'Processes that use it.'),
  } satisfies Record<NumberName | 'memory.utilization' | 'processes', unknown>,
});

const tasks = defineSchema({
  type: 'hw.gpu',
  doc: 'How busy each GPU is by task: general, encoder, decoder, and what else a vendor tells apart (jpeg, ofa, video, video_enhance, copy, compute).',
  attributes: [...IDENTITY, 'hw.gpu.task'],
  fields: { utilization: gauge('1', 'Share of time that was spent in this task.') },
});

const clocks = defineSchema({
  type: 'hw.gpu.clock',
  doc: 'Clocks of each GPU: graphics, memory and what else a vendor tells apart.',
  attributes: [...IDENTITY, 'hw.gpu.clock'],
  fields: { frequency: gauge('Hz', 'Frequency now.'), 'frequency.limit': gauge('Hz', 'The highest.') },
});

const throttles = defineSchema({
  type: 'hw.gpu.throttle',
  doc: 'What holds the clocks of each GPU down, by reason, as the vendor names it.',
  attributes: [...IDENTITY, 'hw.gpu.throttle.reason'],
  fields: {
    active: gauge('1', '1 while it does, else 0.'),
    time: counter('s', 'How long it has. Newer drivers of NVIDIA only.'),
  },
});

const io = defineSchema({
  type: 'hw.gpu.pcie',
  doc: 'Traffic of each GPU over PCIe by direction, measured over a fraction of a second.',
  attributes: [...IDENTITY, 'network.io.direction'],
  fields: { throughput: gauge('By/s', 'Bytes a second.') },
});

const links = defineSchema({
  type: 'hw.gpu.link',
  doc: 'Links of each GPU to others (NVLink) that are up.',
  attributes: [...IDENTITY, 'hw.gpu.link'],
  fields: { 'bandwidth.limit': gauge('By/s', 'What it can carry each way.') },
});

const processes = defineSchema({
  type: 'hw.gpu.process',
  doc: 'Processes on each GPU, those with most memory first, at most 256. In a container process ids may be those of the host.',
  attributes: [...IDENTITY, 'process.pid', 'process.executable.name', 'hw.gpu.process.type'],
  fields: {
    'memory.usage': updowncounter('By', 'Memory of the GPU that it uses.'),
    utilization: gauge('1', 'Share of time that it kept the GPU busy. With NVIDIA only where accounting is on.'),
  },
});

const temperature = defineSchema({
  type: 'hw',
  doc: 'Temperatures of each GPU by location: gpu, memory, and what else a vendor names (edge, junction).',
  attributes: [...TYPED, 'hw.sensor_location'],
  fields: { temperature: gauge('Cel', 'Temperature.') },
});

const temperatureLimit = defineSchema({
  type: 'hw.temperature',
  doc: 'Limits of these temperatures: throttled (the clocks go down), max (the highest to work at), high.critical, critical (it switches off).',
  attributes: [...TYPED, 'hw.sensor_location', 'hw.limit_type'],
  fields: { limit: gauge('Cel', 'The limit.') },
});

const power = defineSchema({
  type: 'hw',
  doc: 'Power of each GPU.',
  attributes: TYPED,
  fields: {
    power: gauge('W', 'What it takes now, with its memory.'),
    energy: counter('J', 'What it has taken. Absent where the vendor does not count.'),
  },
});

const errors = defineSchema({
  type: 'hw',
  doc: 'Errors of memory of each GPU by type: `ecc.corrected.volatile.dram`. Volatile counts since the driver was loaded, aggregate for the life of the GPU.',
  attributes: [...TYPED, 'error.type'],
  fields: { errors: counter('{error}', 'Errors so far.') },
});

const fan = defineSchema({
  type: 'hw.fan',
  doc: 'Fans of each GPU. One that is cooled by its machine has none.',
  attributes: [...TYPED, 'hw.sensor_location'],
  fields: {
    speed: gauge('rpm', 'Revolutions a minute.'),
    speed_ratio: gauge('1', 'Share of the highest speed, as it was asked for.'),
  },
});

export default defineSensor({
  name: 'gpu',
  summary: 'GPUs of NVIDIA, AMD and Intel: utilization, memory, temperature, power, clocks, errors, processes.',
  emits: [gpu, tasks, clocks, throttles, io, links, processes, temperature, temperatureLimit, power, errors, fan],
  options,
  async open(host, given, context) {
    const gpus = await Gpus.open(host, given, context);
    return { sample: () => tablesOf(gpus.read()), close: () => gpus.close() };
  },
});

const empty = () => ({
  gpu: gpu.table(),
  tasks: tasks.table(),
  clocks: clocks.table(),
  throttles: throttles.table(),
  io: io.table(),
  links: links.table(),
  processes: processes.table(),
  temperature: temperature.table(),
  temperatureLimit: temperatureLimit.table(),
  power: power.table(),
  errors: errors.table(),
  fan: fan.table(),
});

function tablesOf(readings: readonly Reading[]): AnyTable[] {
  const tables = empty();
  for (const reading of readings) add(tables, reading);
  return Object.values(tables).filter(({ rows }) => rows > 0);
}

function add(tables: ReturnType<typeof empty>, reading: Reading): void {
  const identity = [reading.id, reading.name] as const;
  const typed = [...identity, 'gpu'] as const;
  const numbers = reading.numbers as Record<NumberName, number | undefined>;
  const [used, size] = [numbers['memory.usage'], numbers['memory.limit']];
  const utilization = used !== undefined && size !== undefined && size > 0 ? used / size : undefined;
  tables.gpu.add([...identity, reading.vendor, reading.parent], {
    ...numbers,
    'memory.utilization': utilization,
    processes: reading.processes?.length,
  });
  for (const [task, share] of reading.tasks) tables.tasks.add([...identity, task], { utilization: share });
  for (const [name, { now, max }] of reading.clocks)
    tables.clocks.add([...identity, name], { frequency: now, 'frequency.limit': max });
  for (const [reason, { active, time }] of reading.throttles) tables.throttles.add([...identity, reason], { active, time });
  for (const [direction, throughput] of reading.io) tables.io.add([...identity, direction], { throughput });
  for (const [link, limit] of reading.links) tables.links.add([...identity, link], { 'bandwidth.limit': limit });
  for (const { pid, name, kind, memory, utilization: busy } of reading.processes ?? [])
    tables.processes.add([...identity, pid, name, kind], { 'memory.usage': memory, utilization: busy });
  for (const [where, degrees] of reading.temperatures) tables.temperature.add([...typed, where], { temperature: degrees });
  for (const [limit, degrees] of reading.temperatureLimits) {
    const blank = limit.lastIndexOf(' ');
    tables.temperatureLimit.add([...typed, limit.slice(0, blank), limit.slice(blank + 1)], { limit: degrees });
  }
  if (reading.power !== undefined || reading.energy !== undefined)
    tables.power.add(typed, { power: reading.power, energy: reading.energy });
  for (const [type, count] of reading.errors) tables.errors.add([...typed, type], { errors: count });
  for (const [where, { speed, ratio }] of reading.fans) tables.fan.add([...typed, where], { speed, speed_ratio: ratio });
}
