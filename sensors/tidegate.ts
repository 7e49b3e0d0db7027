/** What the service measures of itself: the same numbers as its page of metrics and OTLP show, as events. */
import * as z from 'zod';
import { Unavailable } from '../src/errors.ts';
import { defineSensor } from '../src/sensor.ts';
import { SELF_SCHEMAS } from '../src/telemetry/schemas.ts';

export default defineSensor({
  name: 'tidegate',
  summary: 'What tidegate measures of itself: ledger, queue, spool, breaker and latency of each sink, each sensor, its process.',
  notes:
    'It is for the running service alone; `tidegate once` has nothing to measure. What a sink does with these events is in the next ones.',
  emits: SELF_SCHEMAS,
  byDefault: false,
  options: z.strictObject({}),
  open(_host, _options, { self }) {
    if (!self) throw new Unavailable('it measures a running service, and this is none: tidegate run');
    return { sample: () => self() };
  },
});
