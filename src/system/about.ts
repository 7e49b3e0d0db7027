/** What the machine runs: os-release(5), the kernel, the architecture. What is not known is an empty string. */
import os from 'node:os';
import type { Host } from '../host.ts';

/** The attributes of the machine, named as OpenTelemetry names them; it has no name for the kernel's. */
export const ABOUT = [
  'os.type',
  'os.name',
  'os.version',
  'os.description',
  'os.build_id',
  'os.kernel.release',
  'os.kernel.version',
  'host.arch',
] as const;
export type About = Readonly<Record<(typeof ABOUT)[number], string>>;

export function aboutLinux(host: Host): About {
  const release = osRelease(
    host.read(host.mountPath('/etc/os-release')) ?? host.read(host.mountPath('/usr/lib/os-release')) ?? '',
  );
  const kernel = (name: string): string => host.read(host.procPath(`sys/kernel/${name}`)) ?? '';
  return {
    'os.type': 'linux',
    'os.name': release.get('NAME') ?? release.get('ID') ?? '',
    'os.version': release.get('VERSION_ID') ?? '',
    'os.description': release.get('PRETTY_NAME') ?? '',
    'os.build_id': release.get('BUILD_ID') ?? '',
    'os.kernel.release': kernel('osrelease'),
    'os.kernel.version': kernel('version'),
    // Kernels before 6.1 do not tell it in a file.
    'host.arch': architecture(kernel('arch') || (host.live ? os.machine() : '')),
  };
}

export function aboutDarwin(host: Host): About {
  const plist = host.read('/System/Library/CoreServices/SystemVersion.plist') ?? '';
  const value = (key: string): string => new RegExp(`<key>${key}</key>\\s*<string>([^<]*)</string>`).exec(plist)?.[1] ?? '';
  return {
    'os.type': 'darwin',
    'os.name': value('ProductName') || 'macOS',
    'os.version': value('ProductVersion'),
    'os.description': `${value('ProductName') || 'macOS'} ${value('ProductVersion')}`.trimEnd(),
    'os.build_id': value('ProductBuildVersion'),
    'os.kernel.release': os.release(),
    'os.kernel.version': os.version(),
    'host.arch': architecture(os.machine()),
  };
}

/** Assignments as a shell reads them: bare, or in single or double quotes with backslashes. */
export function osRelease(text: string): Map<string, string> {
  const values = new Map<string, string>();
  for (const line of text.split('\n')) {
    const [, key, double, single, bare] = /^\s*([A-Za-z_]\w*)=(?:"((?:[^"\\]|\\.)*)"|'([^']*)'|(.*?))\s*$/.exec(line) ?? [];
    if (key === undefined) continue;
    values.set(key, single ?? (double ?? bare ?? '').replace(/\\(.)/g, '$1'));
  }
  return values;
}

/** The machine's name of its architecture as one of OpenTelemetry's `host.arch`; unchanged when it has none for it. */
function architecture(machine: string): string {
  if (/^i\d86$/.test(machine)) return 'x86';
  if (/^armv\d/.test(machine)) return 'arm32';
  const known: Readonly<Record<string, string>> = {
    x86_64: 'amd64',
    aarch64: 'arm64',
    ppc64le: 'ppc64',
    ppc: 'ppc32',
    ia64: 'ia64',
  };
  return known[machine] ?? machine;
}
