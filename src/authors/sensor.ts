/** `tidegate/sensor`: what a sensor of one's own is written with. See docs/plugins.md. */
export * as z from 'zod';
export { Malformed, Unavailable } from '../errors.ts';
export { type AnyTable, type Cell, counter, defineSchema, gauge, type LabelMap, type Schema, updowncounter } from '../event.ts';
export { FileReader, Host, HotFile } from '../host.ts';
export { bytes, duration, globs, regex, secret } from '../options.ts';
export { defineSensor, type Sampler, type Sensor, type SensorContext, type SensorState } from '../sensor.ts';
export { Row, Text } from '../text.ts';
