// Lets a process's clock run BENCH_SPEED times as fast, from BENCH_EPOCH (Unix time in milliseconds) on: node --import ./fast-clock.mjs dist/src/main.js …
// The build is the published one but for its module `clock`, through which all of it takes time. Libraries, brokers and disks stay real, so that what
// they are given to answer in must be configured to be as much longer.
import { registerHooks } from 'node:module';

const speed = Number(process.env.BENCH_SPEED);
const epoch = Number(process.env.BENCH_EPOCH);
if (!(speed >= 1 && epoch > 0)) throw new Error('fast-clock.mjs needs BENCH_SPEED and BENCH_EPOCH');

const source = `
const began = performance.now();
const monotonic = () => (performance.now() - began) * ${speed};
export const systemClock = {
  monotonic,
  wall: () => ${epoch} + monotonic(),
  after(ms, fn) {
    const timer = setTimeout(fn, ms / ${speed});
    return () => clearTimeout(timer);
  },
};
`;
registerHooks({
  load: (url, context, next) =>
    url.endsWith('/src/clock.js') ? { format: 'module', source, shortCircuit: true } : next(url, context),
});
