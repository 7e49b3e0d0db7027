/** The sensor `gpu`, with executables that stand in for vendors' tools and with cards in sysfs. The fixtures are made by hand. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, onTestFinished, test } from 'vitest';
import gpu from '../../sensors/gpu.ts';
import { Intel } from '../../src/gpu/intel.ts';
import { Nvidia } from '../../src/gpu/nvidia.ts';
import { options } from '../../src/gpu/options.ts';
import { Gpus } from '../../src/gpu/sources.ts';
import { Host } from '../../src/host.ts';
import type { Sampler } from '../../src/sensor.ts';
import { FakeClock } from '../clock.ts';
import {
  expectGolden,
  fixtureHost,
  open,
  REPOSITORY,
  rowsOf,
  sample,
  sampleOnce,
  sensorContext,
  writeFiles,
} from '../support.ts';
import { temporaryFolder } from '../temporary.ts';
import { eventually, lives, type StandIn, standInTool } from '../tool/stand-in.ts';

const fixtures = join(REPOSITORY, 'fixtures/gpu');
const file = (name: string): string => join(fixtures, name);
const ALL = ['nvidia_smi', 'rocm_smi', 'xpu_smi', 'intel_gpu_top'];
const NONE = Object.fromEntries(ALL.map((tool) => [tool, `/nowhere/${tool}`]));

/** This machine, so that tools run, with the cards of a fixture, or none. */
const live = (cards?: string): Host =>
  new Host({ sys: cards === undefined ? join(temporaryFolder(), 'none') : join(fixtures, cards, 'sys') });

const samplers: Sampler[] = [];
afterEach(async () => {
  for (const sampler of samplers.splice(0)) await sampler.close?.();
});
async function opened(host: Host, options: object, context = sensorContext()): Promise<Sampler> {
  const sampler = await open(gpu, host, { ...NONE, ...options }, context);
  samplers.push(sampler);
  return sampler;
}

/** A `nvidia-smi` whose stream of rows is `rows`, a piece of shell; `$1` is its first argument. It notes what it was asked. */
const nvidiaSmi = (rows: string, more = 'exit 1'): StandIn =>
  standInTool(
    'nvidia-smi',
    `echo "$*" >> "$FOLDER/asked"
case "$1" in
  --help-query-gpu) cat '${file('nvidia/help.txt')}' ;;
  --query-gpu=*) ${rows} ;;
  -q) ${more} ;;
  nvlink) echo 'GPU 0: NVIDIA Example 80GB (UUID: GPU-0a000000-0000-0000-0000-000000000001)'; printf '\\t Link 0: 26.562 GB/s\\n\\t Link 1: <inactive>\\n' ;;
esac`,
  );
const asked = (tool: StandIn): string[] => readFileSync(join(tool.folder, 'asked'), 'utf8').trim().split('\n');
const GOOD = `cat '${file('nvidia/rows.csv')}'; while sleep 0.05; do tail -n 2 '${file('nvidia/rows.csv')}'; done`;
const DETAILS = `cat '${file('nvidia/details.xml')}'; exec sleep 1000`;

describe('NVIDIA', () => {
  test('two GPUs, MIG devices and processes: columns, details and links together', async () => {
    const tool = nvidiaSmi(GOOD, DETAILS);
    const sampler = await opened(live(), { nvidia_smi: tool.path, stream_interval: '1s' });
    await eventually(() => asked(tool).length === 4, 'its four questions');
    let tables = await sample(sampler);
    await eventually(() => {
      void sample(sampler).then((now) => (tables = now));
      return rowsOf(tables, 'hw.gpu.process').length > 0 && rowsOf(tables, 'hw.gpu.link').length > 0;
    }, 'the details');
    expectGolden('gpu/nvidia/expected.json', tables);
  });

  test('no process is started for a sample, and all end with the sensor', async () => {
    const tool = nvidiaSmi(GOOD, DETAILS);
    const sampler = await opened(live(), { nvidia_smi: tool.path, stream_interval: '1s' });
    await eventually(() => asked(tool).length === 4, 'its four questions');
    for (let i = 0; i < 20; i++) await sample(sampler);
    expect(asked(tool)).toHaveLength(4);
    expect(asked(tool)[1]).toMatch(/^--query-gpu=uuid,name,.*utilization\.gpu.* --format=csv -l 1$/);
    await sampler.close?.();
    await eventually(() => tool.pids().every((pid) => !lives(pid)), 'the end of all');
  });

  test('asks only for columns that the driver lists, by the names that it has for them', async () => {
    const old = `case "$1" in --help-query-gpu) printf '"name" or "gpu_name"\\n\\n"uuid" or "gpu_uuid"\\n\\n"clocks_throttle_reasons.sw_power_cap"\\n\\n"clocks.gr" or "clocks.graphics"\\n' ;; *) echo "$*" > "$FOLDER/asked"; cat '${file('nvidia/old.csv')}'; exec sleep 1000 ;; esac`;
    const tool = standInTool('nvidia-smi', old);
    const tables = await sample(await opened(live(), { nvidia_smi: tool.path, details: '0s' }));
    expect(asked(tool)).toEqual(['--query-gpu=uuid,name,clocks_throttle_reasons.sw_power_cap,clocks.gr --format=csv -l 5']);
    expect(rowsOf(tables, 'hw.gpu.throttle')).toMatchObject([{ 'hw.gpu.throttle.reason': 'sw_power_cap', active: 1 }]);
    expect(rowsOf(tables, 'hw.gpu.clock')).toMatchObject([{ 'hw.gpu.clock': 'sm', frequency: 875e6 }]);
    expect(rowsOf(tables, 'hw.gpu').find((row) => 'hw.gpu.task' in row)).toMatchObject({ utilization: 1 });
  });

  test('a column that it turns out not to know is left out, and the query asked again at once', async () => {
    const rows = `case "$1" in *fan.speed*) echo 'Field "fan.speed" is not a valid field to query.'; exit 2 ;; esac; ${GOOD}`;
    const tables = await sample(await opened(live(), { nvidia_smi: nvidiaSmi(rows).path, details: '0s' }));
    expect(rowsOf(tables, 'hw.gpu').length).toBeGreaterThan(1);
  });

  test('a new column, and columns in another order, change nothing', async () => {
    const awk = `awk -F', ' -v OFS=', ' '{ print (NR == 1 ? "brand.new [furlong]" : "12 furlong"), $0, "x" }' '${file('nvidia/rows.csv')}'; exec sleep 1000`;
    const [plain, wider] = [nvidiaSmi(GOOD), nvidiaSmi(awk)];
    const [expected, tables] = [plain, wider].map(
      async ({ path }) => await sample(await opened(live(), { nvidia_smi: path, details: '0s' })),
    );
    expect(await tables).toEqual(await expected);
  });

  test('words and ragged lines between the rows are no reading, and are said once', async () => {
    const rows = `cat '${file('nvidia/rows.csv')}'; while sleep 0.02; do echo 'Unable to determine the device handle for GPU1: GPU is lost.'; done`;
    const warnings: string[] = [];
    const context = sensorContext({ warn: (message) => void warnings.push(message) });
    const sampler = await opened(live(), { nvidia_smi: nvidiaSmi(rows).path, details: '0s' }, context);
    await eventually(() => {
      void sample(sampler);
      return warnings.length > 0;
    }, 'the warning');
    for (let i = 0; i < 5; i++) await sample(sampler);
    expect(warnings).toEqual([
      'nvidia: nvidia-smi wrote a line that is no row below its header: "Unable to determine the device handle for GPU1: GPU is lost."',
    ]);
  });

  test.each([
    ['is not there', '/nowhere/nvidia-smi', /nvidia: \/nowhere\/nvidia-smi is not there/],
    [
      'finds no driver',
      nvidiaSmi('echo "NVIDIA-SMI has failed because it could not communicate with the driver."; exit 9').path,
      /ended with code 9: "NVIDIA-SMI has failed/,
    ],
    [
      'prints 100 MB without a line',
      nvidiaSmi('head -c 100000000 /dev/zero | tr "\\0" x; exec sleep 1000').path,
      /wrote a line without an end, and was killed/,
    ],
  ])('a tool that %s makes the sensor unavailable, and says why', async (_, path, why) => {
    await expect(open(gpu, live(), { ...NONE, nvidia_smi: path })).rejects.toThrow(why);
  });

  test('a tool that hangs is waited for as long as a driver may need for many GPUs, and is dead afterwards', async () => {
    const [tool, clock] = [nvidiaSmi('exec sleep 1000'), new FakeClock()];
    const opening = Nvidia.open({ tool: tool.path, intervalMs: 1000, detailsMs: 0, clock }).catch((error: unknown) => error);
    await eventually(() => tool.pids().length === 2 && clock.timers === 1, 'the question for rows');
    await clock.advance(29_999);
    expect(lives(tool.pids()[1] as number)).toBe(true);
    await clock.advance(1);
    expect(await opening).toMatchObject({ message: 'nvidia-smi gave no reading for 30 s, and was killed' });
    await eventually(() => tool.pids().every((pid) => !lives(pid)), 'its end');
  });
});

describe('AMD and Intel', () => {
  test.each(['amd', 'intel'])('a recorded machine of %s, from sysfs alone', async (name) => {
    expectGolden(`gpu/${name}/expected.json`, await sampleOnce(gpu, fixtureHost(`gpu/${name}`)));
  });

  test('rocm-smi is asked where sysfs tells nothing', async () => {
    const answer = JSON.stringify({
      card0: { 'GPU use (%)': '42', 'PCI Bus': '0000:1E:00.0', 'Card series': 'Example', 'Temperature (Sensor edge) (C)': 'N/A' },
      system: { 'Driver version': '6' },
    });
    const tool = standInTool('rocm-smi', `echo 'WARNING: something'; echo '${answer}'`);
    const tables = await sample(await opened(live(), { rocm_smi: tool.path }));
    expect(rowsOf(tables, 'hw.gpu').find((row) => 'hw.gpu.task' in row)).toEqual({
      'hw.id': '0000:1e:00.0',
      'hw.name': 'Example',
      'hw.gpu.task': 'general',
      utilization: 0.42,
    });
    expect(rowsOf(tables, 'hw')).toEqual([]);
  });

  test('intel_gpu_top: an endless array without commas, the first object left out', async () => {
    const tool = standInTool('intel_gpu_top', `cat '${file('intel_gpu_top.json')}'; exec sleep 1000`);
    const sampler = await opened(live('intel'), { intel_gpu_top: tool.path });
    let tables = await sample(sampler);
    await eventually(() => {
      void sample(sampler).then((now) => (tables = now));
      return rowsOf(tables, 'hw.gpu.process').length > 0;
    }, 'the second object');
    expect(
      rowsOf(tables, 'hw.gpu').flatMap((row) => ('hw.gpu.task' in row ? [[row['hw.gpu.task'], row['utilization']]] : [])),
    ).toEqual([
      ['general', 0.125],
      ['video', 0.4],
    ]);
    expect(rowsOf(tables, 'hw.gpu.process')).toMatchObject([
      { 'process.pid': '4242', 'process.executable.name': 'a } "quoted" {', utilization: 0.4, 'memory.usage': 4096 },
    ]);
    expect(rowsOf(tables, 'hw').find((row) => 'power' in row)).toMatchObject({
      'hw.id': '0000:00:02.0',
      power: 3.5,
      energy: 1.5,
    });
  });

  test.each(['xpu-smi', 'intel_gpu_top'] as const)('%s that says nothing for long is not waited for', async (kind) => {
    const [clock, tool] = [new FakeClock(), standInTool(kind, 'exec sleep 1000')];
    const opening = Intel.open([], { kind, path: tool.path }, { intervalMs: 3_600_000, openMs: 8000, clock });
    await eventually(() => tool.pids().length === 1, 'its start');
    await clock.advance(8000);
    const source = await opening;
    expect([source.read(), source.fault()]).toEqual([[], undefined]);
    source.close();
    await eventually(() => !lives(tool.pids()[0] as number), 'its end');
  });

  test('xpu-smi: rows by device, with empty cells; a device that sysfs does not know has a row of its own', async () => {
    const tool = standInTool('xpu-smi', `cat '${file('xpu-smi.csv')}'; exec sleep 1000`);
    const tables = await sample(await opened(live('intel'), { xpu_smi: tool.path }));
    expect(rowsOf(tables, 'hw').flatMap((row) => ('power' in row ? [[row['hw.id'], row['power']]] : []))).toEqual([
      ['0000:00:02.0', 118.5],
      ['device 1', 25],
    ]);
    expect(rowsOf(tables, 'hw.gpu').flatMap((row) => ('hw.gpu.task' in row ? [row['utilization']] : []))).toEqual([0.07]);
  });
});

test('a machine without any GPU says so, by vendor', async () => {
  const { host } = { host: fixtureHost('load/recorded') };
  await expect(open(gpu, host)).rejects.toThrow(
    /^there is no GPU that can be read: amd: .*; intel: .*; nvidia: nvidia-smi is not run for a recorded machine$/,
  );
});

test('a vendor whose card is there and whose tool fails is told, while another works', async () => {
  const folder = temporaryFolder();
  writeFiles(folder, { 'sys/class/drm/card0/device/vendor': '0x10de\n' });
  const warnings: string[] = [];
  const xpu = standInTool('xpu-smi', `cat '${file('xpu-smi.csv')}'; exec sleep 1000`);
  await opened(
    new Host({ sys: join(folder, 'sys') }),
    { xpu_smi: xpu.path },
    sensorContext({ warn: (message) => void warnings.push(message) }),
  );
  expect(warnings).toEqual(['nvidia: /nowhere/nvidia_smi is not there, or may not be run']);
});

test('a vendor whose driver is loaded later than the service, while another works, is found', async () => {
  const folder = temporaryFolder();
  writeFiles(folder, { 'sys/class/drm/card0/device/vendor': '0x10de\n' });
  const tool = nvidiaSmi(`if [ ! -e '${folder}/driver' ]; then echo 'no driver'; exit 9; fi; ${GOOD}`);
  const xpu = standInTool('xpu-smi', `cat '${file('xpu-smi.csv')}'; exec sleep 1000`);
  const given = options.parse({ ...NONE, vendors: ['nvidia', 'intel'], nvidia_smi: tool.path, xpu_smi: xpu.path, details: '0s' });
  const [said, clock] = [[] as string[], new FakeClock()];
  const say = (message: string): void => void said.push(message);
  const gpus = await Gpus.open(new Host({ sys: join(folder, 'sys') }), given, sensorContext({ warn: say, info: say }), clock);
  onTestFinished(() => gpus.close());
  const vendors = (): string[] => [...new Set(gpus.read().map(({ vendor }) => vendor))];
  expect(vendors()).toEqual(['Intel']);
  const starts = tool.pids().length;
  await clock.advance(300_000);
  await eventually(() => tool.pids().length > starts && clock.timers > 0, 'a second look, in vain');
  writeFiles(folder, { driver: '' });
  await clock.advance(300_000);
  await eventually(() => vendors().includes('NVIDIA'), 'the third look');
  expect(said).toEqual(['nvidia: nvidia-smi ended with code 9: "no driver"', 'nvidia: all is well again']);
  expect(clock.timers).toBe(0);
});
