// An hour of rounds in a few seconds: the published build on a clock that runs faster. node --expose-gc compressed.mjs FOLDER
import { join } from 'node:path';
// First, as in `tidegate` itself.
import '../dist/src/v8-flags.js';

const { Agent } = await import('../dist/src/agent.js');
const { loadConfig } = await import('../dist/src/config/load.js');
const { Host } = await import('../dist/src/host.js');
const { silent } = await import('../dist/src/log.js');

const SPEED = 100;
const ROUNDS = 3600;
const [folder] = process.argv.slice(2);
const began = performance.now();
const epoch = Date.now();
const clock = {
  wall: () => epoch + (performance.now() - began) * SPEED,
  monotonic: () => (performance.now() - began) * SPEED,
  after(ms, fn) {
    const timer = setTimeout(fn, ms / SPEED);
    return () => clearTimeout(timer);
  },
};

const { config } = await loadConfig(undefined, {}, { stateDir: folder });
const sensors = config.sensors.map((sensor) => ({ ...sensor, interval: 1000, timeout: 100_000 }));
const agent = new Agent({ agent: 'bench', host: new Host(), stateDir: join(folder), clock, log: silent, maxEventBytes: 524_288 });
await agent.apply({ ...config, sensors });

const rss = [];
const rounds = () => Math.max(...agent.status().sensors.map(({ stats }) => stats?.samples ?? 0));
while (rounds() < ROUNDS) {
  await new Promise((done) => setTimeout(done, 500));
  globalThis.gc?.();
  rss.push(process.memoryUsage.rss() / 2 ** 20);
}
console.log(JSON.stringify({ rounds: rounds(), rss }));
await agent.stop(10_000);
process.exit(0);
