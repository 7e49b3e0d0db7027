/**
 * `npm run bench [-- NAME…]`: measures, prints each figure beside its limit, and fails when one does not hold. Figures that are kept are in
 * `bench/RESULTS.md`, with date and machine. Ratios are taken within one run, because machines differ.
 */
import { container } from './container.ts';
import { flaky } from './delivery/flaky.ts';
import { isolation } from './delivery/isolation.ts';
import { deliveryKafka } from './delivery/kafka.ts';
import { latency } from './delivery/latency.ts';
import { outageKafka, outageRabbitmq } from './delivery/outage.ts';
import { deliveryRabbitmq } from './delivery/rabbitmq.ts';
import { deliverySpool } from './delivery/spool.ts';
import { encode } from './encode.ts';
import { exposition } from './exposition.ts';
import { filesIdle } from './files.ts';
import { gpuFigures } from './gpu.ts';
import { everySensor, host, manyProcesses } from './host.ts';
import { interrupts } from './interrupts.ts';
import { kafka } from './kafka.ts';
import { livePage } from './live-page.ts';
import { type Figure, holds, machine } from './measure.ts';
import { plugins } from './plugin.ts';
import { rabbitmq } from './rabbitmq.ts';
import { scrapes } from './scrape.ts';
import { scrapeKafka } from './scrape-kafka.ts';
import { selfMetrics, selfMetricsKafka } from './self-metrics.ts';
import { hour, start } from './service.ts';
import { outageHour, outageHourRabbitmq } from './soak/outage-hour.ts';
import { soak } from './soak/soak.ts';
import { spoolFigures } from './spool.ts';

const BENCHES: Readonly<Record<string, () => Figure[] | Promise<Figure[]>>> = {
  encode,
  exposition,
  host,
  processes: manyProcesses,
  every: everySensor,
  files: filesIdle,
  gpu: gpuFigures,
  interrupts,
  plugins,
  hour,
  soak,
  scrapes,
  'scrape-kafka': scrapeKafka,
  'self-metrics': selfMetrics,
  'self-metrics-kafka': selfMetricsKafka,
  start,
  spool: spoolFigures,
  page: livePage,
  kafka,
  rabbitmq,
  'delivery-kafka': deliveryKafka,
  'delivery-rabbitmq': deliveryRabbitmq,
  'outage-kafka': outageKafka,
  'outage-rabbitmq': outageRabbitmq,
  'outage-hour': outageHour,
  'outage-hour-rabbitmq': outageHourRabbitmq,
  'delivery-spool': deliverySpool,
  flaky,
  latency,
  isolation,
  container,
};

const asked = process.argv.slice(2);
const unknown = asked.filter((name) => !(name in BENCHES));
if (unknown.length > 0) throw new Error(`no such bench: ${unknown.join(', ')}; there is: ${Object.keys(BENCHES).join(', ')}`);

console.log(`${new Date().toISOString().slice(0, 10)}, ${machine()}\n`);
let failed = 0;
for (const [name, bench] of Object.entries(BENCHES)) {
  if (asked.length > 0 && !asked.includes(name)) continue;
  console.log(`## ${name}`);
  for (const figure of await bench()) {
    const { what, value, unit, atMost, atLeast } = figure;
    const limit = atMost !== undefined ? `at most ${atMost}` : atLeast !== undefined ? `at least ${atLeast}` : '';
    if (!holds(figure)) failed++;
    console.log(
      `| ${what} | ${value.toPrecision(3)} ${unit} | ${limit} | ${limit === '' ? '' : holds(figure) ? 'holds' : 'DOES NOT HOLD'} |`,
    );
  }
  console.log('');
}
process.exitCode = failed > 0 ? 1 : 0;
