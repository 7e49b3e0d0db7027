/** Runs seeds of the simulation for as long as one wants; see `--help`. */
import { parseArgs } from 'node:util';
import { simulate } from './simulate.ts';

const HELP = `Runs the delivery core over a simulated disk, clock and broker, one seed after another, and judges what arrived.

  node test/delivery/simulation/run.ts [FROM [COUNT]] [--trace] [--most N]

  FROM      the first seed (default: by the clock)
  COUNT     how many seeds, or "forever" (default 1000)
  --trace   prints every step of every seed
  --most N  stops after N failures (default 20)

A seed decides everything: one that fails fails again. Exits with 1 when any failed.
  node test/delivery/simulation/run.ts 806 1 --trace
  node test/delivery/simulation/run.ts 1 forever
`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    help: { type: 'boolean', short: 'h' },
    trace: { type: 'boolean', short: 'v' },
    most: { type: 'string', default: '20' },
  },
});
if (values.help) {
  process.stdout.write(HELP);
  process.exit(0);
}

const [from = String(Date.now() % 2 ** 31), many = '1000'] = positionals;
const [first, count, most] = [Number(from), many === 'forever' ? Number.POSITIVE_INFINITY : Number(many), Number(values.most)];
if (![first, count, most].every((number) => number >= 0)) {
  process.stderr.write(`expected numbers, got ${positionals.join(' ')}\n\n${HELP}`);
  process.exit(2);
}

const began = process.cpuUsage();
const failed: number[] = [];
let done = 0;
for (; done < count && failed.length < most; done++) {
  const seed = first + done;
  try {
    await simulate(seed, values.trace ? (line) => process.stdout.write(`${line}\n`) : undefined);
  } catch (error) {
    failed.push(seed);
    const { message, stack } = error as Error;
    process.stdout.write(`${seed}: ${values.trace ? stack : message.slice(0, 600)}\n`);
  }
}
const cpu = process.cpuUsage(began).user / 1000 / done;
process.stdout.write(`${done} seeds from ${first}, ${failed.length} failed, ${cpu.toFixed(1)} ms CPU a seed\n`);
process.exitCode = failed.length > 0 ? 1 : 0;
