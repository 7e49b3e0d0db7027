/**
 * What the kernel tells of drives without any privilege: the temperatures of NVMe drives (`<sys>/class/nvme`), and the wear of eMMC
 * (`<sys>/block/mmcblkN`). The kernel has no file for the wear of an NVMe drive. https://docs.kernel.org/driver-api/mmc/mmc-dev-attrs.html
 */
import type { Host } from '../host.ts';
import type { Drive } from './drive.ts';

const DRIVES_MAX = 1024;

export function sysfsDrives(host: Host): Drive[] {
  const nvme = (host.list(host.sysPath('class/nvme')) ?? []).filter((name) => /^nvme\d+$/.test(name));
  const mmc = (host.list(host.sysPath('block')) ?? []).filter((name) => /^mmcblk\d+$/.test(name));
  return [
    ...nvme.toSorted().map((name) => nvmeDrive(host, name)),
    ...mmc.toSorted().flatMap((name) => mmcDrive(host, name)),
  ].slice(0, DRIVES_MAX);
}

const NOTHING = { attributes: [], pages: [], conditions: [], standby: 0, state: undefined } as const;

function nvmeDrive(host: Host, name: string): Drive {
  const folder = host.sysPath(`class/nvme/${name}`);
  const [temperatures, temperatureLimits] = [new Map<string, number>(), new Map<string, number>()];
  const hwmon = [folder, `${folder}/hwmon`, `${folder}/device`, `${folder}/device/hwmon`].flatMap((parent) =>
    (host.list(parent) ?? []).filter((entry) => /^hwmon\d+$/.test(entry)).map((entry) => `${parent}/${entry}`),
  )[0];
  const degrees = (file: string): number | undefined => {
    const text = host.read(`${hwmon}/${file}`);
    return text !== undefined && /^-?\d+$/.test(text) ? Number(text) / 1000 : undefined;
  };
  for (const file of hwmon === undefined ? [] : (host.list(hwmon) ?? []).toSorted()) {
    const [, number] = /^temp(\d+)_input$/.exec(file) ?? [];
    const value = number === undefined ? undefined : degrees(file);
    // The first is the drive as a whole, as in what it tells itself.
    if (value !== undefined) temperatures.set(number === '1' ? 'drive' : `sensor ${Number(number) - 1}`, value);
  }
  const [warning, critical] = [degrees('temp1_max'), degrees('temp1_crit')];
  if (warning !== undefined) temperatureLimits.set('high.degraded', warning);
  if (critical !== undefined) temperatureLimits.set('high.critical', critical);
  const serial = host.read(`${folder}/serial`)?.trim() ?? '';
  return {
    ...NOTHING,
    id: serial || `/dev/${name}`,
    name: `/dev/${name}`,
    model: host.read(`${folder}/model`)?.trim() ?? '',
    serial,
    protocol: 'NVMe',
    numbers: {},
    remaining: undefined,
    temperatures,
    temperatureLimits,
  };
}

/** `life_time` is two numbers, one for each kind of memory: 0x01 is up to 10 % used, 0x0b more than its life. The worse of them counts. */
function mmcDrive(host: Host, name: string): Drive[] {
  const device = host.sysPath(`block/${name}/device`);
  const used = (host.read(`${device}/life_time`) ?? '')
    .split(/\s+/)
    .flatMap((one) => (/^0x0[1-9ab]$/i.test(one) ? [Number(one)] : []));
  if (used.length === 0) return [];
  // Blocks of 512 bytes, whatever the drive's are.
  const blocks = Number(host.read(host.sysPath(`block/${name}/size`)) ?? Number.NaN);
  // 1: normal, 2: 80 % of the spare blocks are gone, 3: 90 %.
  const spare = Number(host.read(`${device}/pre_eol_info`) ?? 0);
  const serial = host.read(`${device}/serial`) ?? '';
  return [
    {
      ...NOTHING,
      id: serial || `/dev/${name}`,
      name: `/dev/${name}`,
      model: host.read(`${device}/name`) ?? '',
      serial,
      protocol: 'MMC',
      numbers: { size: Number.isFinite(blocks) ? blocks * 512 : undefined },
      remaining: Math.max(0, (10 - Math.max(...used)) / 10),
      temperatures: new Map(),
      temperatureLimits: new Map(),
      state: spare === 1 ? 'ok' : spare === 2 || spare === 3 ? 'degraded' : undefined,
    },
  ];
}
