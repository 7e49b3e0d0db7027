import { describe, expect, test } from 'vitest';
import interrupts from '../../sensors/interrupts.ts';
import { Unavailable } from '../../src/errors.ts';
import { fixtureHost, hostOf, open, rowsOf, sample, sampleOnce, writeFiles } from '../support.ts';

const row = (name: string, count: number, what = '', line = '', devices = '') => ({
  'interrupt.name': name,
  'interrupt.description': what,
  'interrupt.line': line,
  'interrupt.devices': devices,
  count,
});

describe('interrupts', () => {
  test('chips of one and three words, no blank behind a colon, one number alone, an empty line, several devices', async () => {
    const rows = rowsOf(await sampleOnce(interrupts, fixtureHost('interrupts/traps')), 'system.interrupt');
    expect(rows).toEqual([
      row('0', 49, 'IO-APIC', '2-edge', 'timer'),
      row('2', 0, 'XT-PIC', '', 'cascade'),
      row('11', 7, 'XT-PIC', '', 'eth0, usb 1'),
      row('16', 6, 'GICv2', '29 Level', 'arch_timer'),
      row('17', 5, 'bcm2836-timer', '1 Edge', 'arch_timer'),
      row('29', 2296, 'PCI-MSIX-0000:00:1f.2', '0-edge', 'ahci[0000:00:1f.2]'),
      row('30', 11, 'GICv2', '62 Level', 'ehci_hcd:usb1, mmc0'),
      row('31', 0, 'IO-APIC', '31-edge'),
      row('IPI0', 2768808080 + 3768808081 + 4768808082, 'Rescheduling interrupts'),
      row('LOC', 26967, 'Local timer interrupts'),
      row('Err', 3),
      row('ERR', 0),
      row('MIS', 0),
      row('PIN', 0, 'Posted-interrupt notification event'),
    ]);
  });

  test('by CPU: numbers with gaps, none for CPUs that never had one, no CPU for ERR', async () => {
    const { host, folder } = hostOf({ 'proc/interrupts': '  CPU0  CPU2\n 4:  0  7  IO-APIC 4-edge ttyS0\nERR:  1\n' });
    const sampler = await open(interrupts, host, { per_cpu: true });
    const cells = {
      'interrupt.name': '4',
      'interrupt.description': 'IO-APIC',
      'interrupt.line': '4-edge',
      'interrupt.devices': 'ttyS0',
    };
    expect(rowsOf(await sample(sampler), 'system.interrupt')).toEqual([
      { ...cells, 'cpu.logical_number': '2', count: 7 },
      { ...row('ERR', 1), 'cpu.logical_number': '' },
    ]);
    // Another CPU is there, and the line is another device's.
    writeFiles(folder, { 'proc/interrupts': '  CPU0  CPU2  CPU3\n 4:  1  7  2  IO-APIC 4-edge eth0\nERR:  1\n' });
    expect(
      rowsOf(await sample(sampler), 'system.interrupt').map((one) => [
        one['interrupt.devices'],
        one['cpu.logical_number'],
        one['count'],
      ]),
    ).toEqual([
      ['eth0', '0', 1],
      ['eth0', '2', 7],
      ['eth0', '3', 2],
      ['', '', 1],
    ]);
    await sampler.close?.();
  });

  test.each([
    ['', /the file is empty/],
    ['IRQ\n', /a heading that is no CPU/],
    ['CPU0 CPU1 CPU2\n 4: 1 2 IO-APIC\n', /interrupts:2: 2 numbers for 3 CPUs/],
    ['CPU0\n no colon 4\n', /interrupts:2: no colon/],
  ])('%j fails the sample', async (text, message) => {
    await expect(sampleOnce(interrupts, hostOf({ 'proc/interrupts': text }).host)).rejects.toThrow(message);
  });

  test('without the file it says so', async () => {
    await expect(open(interrupts, hostOf({ 'proc/stat': '' }).host)).rejects.toThrow(Unavailable);
  });
});
