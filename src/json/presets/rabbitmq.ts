import type { PresetMapping } from '../mapping-options.ts';

/**
 * RabbitMQ by its management plugin. https://www.rabbitmq.com/docs/http-api-reference
 * The checks of health answer with status 503 when they fail, and with a reason.
 */
export const rabbitmq: PresetMapping = {
  name: 'rabbitmq',
  summary: 'RabbitMQ by its management plugin: alarms, nodes and their limits, messages, connections; from /api.',
  requests: {
    alarms: { path: '/api/health/checks/alarms', statuses: [200, 503] },
    virtual_hosts: { path: '/api/health/checks/virtual-hosts', statuses: [200, 503] },
    overview: { path: '/api/overview' },
    nodes: { path: '/api/nodes' },
  },
  tables: {
    'rabbitmq.health': {
      doc: 'Checks of health.',
      attributes: { 'rabbitmq.cluster.name': '/overview/cluster_name' },
      fields: {
        'alarms.failed': {
          path: '/alarms/status',
          cases: { ok: 0, failed: 1 },
          doc: '1 when an alarm is in effect: memory or disk is short, and publishers are held back.',
        },
        'virtual_hosts.failed': {
          path: '/virtual_hosts/status',
          cases: { ok: 0, failed: 1 },
          doc: '1 when a virtual host is down.',
        },
      },
    },
    'rabbitmq.overview': {
      doc: 'The cluster as a whole.',
      attributes: { 'rabbitmq.cluster.name': '/overview/cluster_name' },
      fields: {
        messages: {
          path: '/overview/queue_totals/messages',
          unit: '{message}',
          kind: 'updowncounter',
          doc: 'Messages in queues. Absent until there was one.',
        },
        'messages.ready': {
          path: '/overview/queue_totals/messages_ready',
          unit: '{message}',
          kind: 'updowncounter',
          doc: 'Those that wait for a consumer.',
        },
        'messages.unacknowledged': {
          path: '/overview/queue_totals/messages_unacknowledged',
          unit: '{message}',
          kind: 'updowncounter',
          doc: 'Those that a consumer has and has not acknowledged.',
        },
        published: {
          path: '/overview/message_stats/publish',
          unit: '{message}',
          kind: 'counter',
          doc: 'Messages that came in. Absent until there was one.',
        },
        delivered: {
          path: '/overview/message_stats/deliver_get',
          unit: '{message}',
          kind: 'counter',
          doc: 'Messages that went out. Absent until there was one.',
        },
        connections: {
          path: '/overview/object_totals/connections',
          unit: '{connection}',
          kind: 'updowncounter',
          doc: 'Connections of clients.',
        },
        channels: {
          path: '/overview/object_totals/channels',
          unit: '{channel}',
          kind: 'updowncounter',
          doc: 'Channels on them.',
        },
        consumers: {
          path: '/overview/object_totals/consumers',
          unit: '{consumer}',
          kind: 'updowncounter',
          doc: 'Consumers on these.',
        },
        queues: { path: '/overview/object_totals/queues', unit: '{queue}', kind: 'updowncounter', doc: 'Queues.' },
      },
    },
    'rabbitmq.node': {
      doc: 'Each node, with what it has and may have.',
      rows: '/nodes',
      attributes: { 'rabbitmq.node.name': '/name' },
      fields: {
        running: { path: '/running', as: 'boolean', doc: '1 when it runs. Of one that does not, nothing else is known.' },
        'memory.used': { path: '/mem_used', unit: 'By', doc: 'Memory that it uses.' },
        'memory.limit': { path: '/mem_limit', unit: 'By', doc: 'Memory above which it holds publishers back.' },
        'memory.alarm': { path: '/mem_alarm', as: 'boolean', doc: '1 when it does so for want of memory.' },
        'disk.free': { path: '/disk_free', unit: 'By', doc: 'Free space on its disk.' },
        'disk.limit': { path: '/disk_free_limit', unit: 'By', doc: 'Free space below which it holds publishers back.' },
        'disk.alarm': { path: '/disk_free_alarm', as: 'boolean', doc: '1 when it does so for want of space.' },
        'files.used': { path: '/fd_used', unit: '{file}', doc: 'File descriptors that it uses.' },
        'files.limit': { path: '/fd_total', unit: '{file}', doc: 'The most that it may use.' },
        'processes.used': { path: '/proc_used', unit: '{process}', doc: 'Processes of Erlang.' },
        'processes.limit': { path: '/proc_total', unit: '{process}', doc: 'The most that there may be.' },
        run_queue: { path: '/run_queue', unit: '{process}', doc: 'Processes of Erlang that wait for a core.' },
        uptime: { path: '/uptime', as: 'duration', scale: 0.001, doc: 'How long it runs.' },
        partitions: {
          path: '/partitions',
          as: 'count',
          unit: '{node}',
          doc: 'Nodes that it has lost sight of: more than 0 is a split cluster.',
        },
      },
    },
  },
};
