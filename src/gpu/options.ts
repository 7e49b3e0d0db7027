/** The options of `gpu`. */
import * as z from 'zod';
import { duration } from '../options.ts';

const tool = (name: string, more = '') =>
  z.string().min(1).prefault(name).describe(`The tool, as a name to look for in PATH, or a path (default ${name}).${more}`);

export const options = z.strictObject({
  vendors: z
    .array(z.enum(['nvidia', 'amd', 'intel']))
    .min(1)
    .prefault(['nvidia', 'amd', 'intel'])
    .describe('Whose GPUs to look for, as a list of nvidia, amd, intel (default all).'),
  stream_interval: duration({ min: 100, max: 3_600_000 })
    .prefault('5s')
    .describe('How often the tools write, as a duration (default 5s). A sample takes what was written last.'),
  details: duration({ max: 86_400_000 })
    .prefault('1m')
    .describe(
      'How often nvidia-smi tells MIG devices, processes, limits and PCIe throughput, and rocm-smi runs, as a duration (default 1m; 0s: never).',
    ),
  nvidia_smi: tool('nvidia-smi'),
  rocm_smi: tool('rocm-smi', ' It is run only where sysfs does not tell of a busy AMD GPU.'),
  xpu_smi: tool('xpu-smi'),
  intel_gpu_top: tool('intel_gpu_top', ' It is run where there is no xpu-smi.'),
});

export type GpuOptions = z.output<typeof options>;
