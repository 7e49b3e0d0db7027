/** Tables as Prometheus text: names, labels, what is absent; and back again by a reader of that text. */
import { expect, test } from 'vitest';
import { prometheusText } from '../../src/codec/prometheus.ts';
import { counter, defineSchema, gauge } from '../../src/event.ts';

const disk = defineSchema({
  type: 'system.disk',
  doc: 'Disks.',
  attributes: ['system.device'],
  fields: { io: counter('By', 'Bytes "moved".\nAll.'), share: gauge('1', 'Share.') },
});
const sample = defineSchema({
  type: 'prometheus.sample',
  doc: 'Samples.',
  attributes: ['name', 'labels', 'kind'],
  maps: ['labels'],
  fields: { value: gauge('1', 'Value.') },
});

test('units and kinds are in names, and what is absent has no line', () => {
  const table = disk.table().add(['sd"a'], { io: 5, share: undefined }).seal();
  expect(prometheusText([table])).toBe(
    '# HELP system_disk_io_bytes_total Bytes "moved".\\nAll.\n# TYPE system_disk_io_bytes_total counter\nsystem_disk_io_bytes_total{system_device="sd\\"a"} 5\n',
  );
});

test('the labels of a scraped series are labels, and none is there twice', () => {
  const table = sample
    .table()
    .add(['up', { job: 'node', 'x.y': 'a\\b', name: 'own', exported_name: 'first' }, 'gauge'], { value: 1 })
    .add(['plain', {}, 'unknown'], { value: Number.POSITIVE_INFINITY })
    .seal();
  const lines = prometheusText([table]).split('\n').slice(2, 4);
  expect(lines).toEqual([
    'prometheus_sample_value_ratio{name="up",kind="gauge",job="node",x_y="a\\\\b",exported_name="own",exported_exported_name="first"} 1',
    'prometheus_sample_value_ratio{name="plain",kind="unknown"} +Inf',
  ]);
});
