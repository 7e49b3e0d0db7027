/**
 * Pages of metrics that other software exposes: Prometheus text, OpenMetrics and protobuf, over HTTP.
 * https://prometheus.io/docs/instrumenting/exposition_formats/ and docs/scraping.md.
 */
import { options } from '../src/scrape/options.ts';
import { schemasOf } from '../src/scrape/schemas.ts';
import { defineSensor } from '../src/sensor.ts';

/** One table of samples for all: that with every field. */
const { sample: _sample, timedSample: _timed, startedSample: _started, ...emitted } = schemasOf('prometheus');

export default defineSensor({
  name: 'prometheus',
  summary: 'Metrics that other software exposes over HTTP, in Prometheus text, OpenMetrics or protobuf.',
  emits: Object.values(emitted),
  options,
  byDefault: false,
  async open(_host, given) {
    // With undici and protobuf: loaded where something is scraped, and not to learn what sensors there are.
    const { Fleet } = await import('../src/scrape/fleet.ts');
    const fleet = new Fleet(given);
    await fleet.start();
    return fleet;
  },
});
