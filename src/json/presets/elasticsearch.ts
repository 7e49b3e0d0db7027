import type { PresetMapping } from '../mapping-options.ts';

/**
 * The health of a cluster of Elasticsearch or OpenSearch.
 * https://www.elastic.co/docs/api/doc/elasticsearch/operation/operation-cluster-health. Names as the collector of OpenTelemetry has them.
 */
export const elasticsearch: PresetMapping = {
  name: 'elasticsearch',
  summary: 'A cluster of Elasticsearch or OpenSearch: health, nodes, shards, waiting tasks; from /_cluster/health.',
  requests: { health: { path: '/_cluster/health' } },
  tables: {
    health: {
      type: 'elasticsearch.cluster',
      doc: 'Health of the cluster.',
      attributes: { 'elasticsearch.cluster.name': '/health/cluster_name' },
      states: {
        path: '/health/status',
        attribute: 'elasticsearch.health.status',
        values: ['green', 'yellow', 'red'],
        field: 'health',
        doc: '1 for the state that it is in, else 0: green, yellow (a replica is missing), red (data is missing).',
      },
    },
    'elasticsearch.cluster': {
      doc: 'Nodes and tasks of the cluster.',
      attributes: { 'elasticsearch.cluster.name': '/health/cluster_name' },
      fields: {
        nodes: { path: '/health/number_of_nodes', unit: '{node}', kind: 'updowncounter', doc: 'Nodes.' },
        data_nodes: { path: '/health/number_of_data_nodes', unit: '{node}', kind: 'updowncounter', doc: 'Nodes that hold data.' },
        pending_tasks: { path: '/health/number_of_pending_tasks', unit: '{task}', doc: 'Changes of the cluster that wait.' },
        in_flight_fetch: {
          path: '/health/number_of_in_flight_fetch',
          unit: '{fetch}',
          doc: 'Looks for shards that are not finished.',
        },
        'pending_tasks.age': {
          path: '/health/task_max_waiting_in_queue_millis',
          as: 'duration',
          scale: 0.001,
          doc: 'How long the first of the waiting tasks has waited.',
        },
        timed_out: { path: '/health/timed_out', as: 'boolean', doc: '1 when the cluster did not answer itself in time.' },
      },
    },
    'elasticsearch.cluster.shards': {
      doc: 'Shards of the cluster.',
      attributes: { 'elasticsearch.cluster.name': '/health/cluster_name' },
      fields: {
        active: { path: '/health/active_shards', unit: '{shard}', kind: 'updowncounter', doc: 'In use, primaries and replicas.' },
        active_primary: {
          path: '/health/active_primary_shards',
          unit: '{shard}',
          kind: 'updowncounter',
          doc: 'Primaries in use.',
        },
        relocating: {
          path: '/health/relocating_shards',
          unit: '{shard}',
          kind: 'updowncounter',
          doc: 'On their way to another node.',
        },
        initializing: { path: '/health/initializing_shards', unit: '{shard}', kind: 'updowncounter', doc: 'Being set up.' },
        unassigned: { path: '/health/unassigned_shards', unit: '{shard}', kind: 'updowncounter', doc: 'On no node.' },
        unassigned_delayed: {
          path: '/health/delayed_unassigned_shards',
          unit: '{shard}',
          kind: 'updowncounter',
          doc: 'On no node, and left so for a while in case that theirs comes back.',
        },
        active_ratio: {
          path: '/health/active_shards_percent_as_number',
          scale: 0.01,
          doc: 'Share of the shards that is in use.',
        },
      },
    },
  },
};
