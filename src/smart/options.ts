/** The options of `smart`. */
import * as z from 'zod';
import { duration, globs } from '../options.ts';

const device = z.strictObject({
  path: z.string().startsWith('/').describe('The device, as smartctl takes it: /dev/sda, /dev/bus/0.'),
  type: z
    .string()
    .regex(/^[a-z0-9_,+./-]+$/i, 'expected a type as smartctl -d takes it, such as sat, nvme, megaraid,14')
    .optional()
    .describe("Its type, as `smartctl -d` takes it: sat, nvme, scsi, megaraid,14 (default: smartctl's own guess)."),
});

export const options = z.strictObject({
  smartctl: z
    .string()
    .min(1)
    .prefault('smartctl')
    .describe('The tool, as a name to look for in PATH and in sbin, or a path (default smartctl). It needs version 7.0.'),
  sudo: z.boolean().prefault(false).describe('Whether it is run by `sudo -n` (default false). See the notes on privileges.'),
  devices: z
    .array(device)
    .optional()
    .describe('The drives to ask (default: what smartctl finds). Name those behind controllers that its scan does not show.'),
  include: globs().prefault(['*']).describe('Drives to report, as patterns of their names (default all).'),
  exclude: globs()
    .prefault([])
    .describe('Drives to leave out, as patterns of their names (default none).')
    .meta({ examples: [['/dev/sdz']] }),
  device_timeout: duration({ min: 100, max: 600_000 })
    .prefault('15s')
    .describe('How long one drive has to answer, as a duration (default 15s); after that its smartctl is killed.'),
  retry_hung: duration({ min: 1000 })
    .prefault('1h')
    .describe('How long a drive that hung is left alone, as a duration (default 1h).'),
  attributes: z.boolean().prefault(true).describe('Whether every attribute of ATA is reported (default true).'),
});

export type SmartOptions = z.output<typeof options>;
