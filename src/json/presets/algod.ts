import type { PresetMapping } from '../mapping-options.ts';

/**
 * An Algorand node. https://dev.algorand.co/reference/rest-api/algod/
 * The moments of the API are nanoseconds. It does not tell how high the network is: a node that falls behind is seen by the age of its last
 * block, rounds being some 3 s apart.
 */
export const algod: PresetMapping = {
  name: 'algod',
  summary:
    'An Algorand node (algod): round, age of the last block, catch-up, consensus upgrade, peers; from /v2/status and /v2/node/peers.',
  requests: {
    status: { path: '/v2/status' },
    // Not every version has it, and it may want the admin token.
    peers: { path: '/v2/node/peers', optional: true },
  },
  tables: {
    'algod.node': {
      doc: 'Where the node is.',
      fields: {
        height: { path: '/status/last-round', unit: '{block}', doc: 'Last round that it has.' },
        'last_block.age': {
          path: '/status/time-since-last-round',
          as: 'duration',
          scale: 1e-9,
          doc: 'Time since it saw a new round.',
        },
        syncing: { path: '/status/catchup-time', as: 'truth', doc: '1 while it catches up, else 0.' },
        'catchup.duration': {
          path: '/status/catchup-time',
          as: 'duration',
          scale: 1e-9,
          doc: 'How long it has been catching up; 0 when it is not.',
        },
        'upgrade.height': {
          path: '/status/next-version-round',
          unit: '{block}',
          doc: 'Round at which the next version of the protocol applies.',
        },
        'upgrade.supported': {
          path: '/status/next-version-supported',
          as: 'boolean',
          doc: '1 when this software knows that version, 0 when it will stop there.',
        },
        stopped: {
          path: '/status/stopped-at-unsupported-round',
          as: 'boolean',
          doc: '1 when it has stopped because it does not know the version of the protocol.',
        },
        'peers.inbound': {
          path: ["$.peers.Peers[?(@['connection-type']=='inbound')]", "$.peers.peers[?(@['connection-type']=='inbound')]"],
          combine: 'count',
          unit: '{peer}',
          kind: 'updowncounter',
          doc: 'Peers that connected to it.',
        },
        'peers.outbound': {
          path: ["$.peers.Peers[?(@['connection-type']=='outbound')]", "$.peers.peers[?(@['connection-type']=='outbound')]"],
          combine: 'count',
          unit: '{peer}',
          kind: 'updowncounter',
          doc: 'Peers that it connected to.',
        },
      },
    },
    'algod.catchup': {
      doc: 'Fast catch-up from a catchpoint, where there is one.',
      fields: {
        'accounts.total': { path: '/status/catchpoint-total-accounts', unit: '{account}', doc: 'Accounts in the catchpoint.' },
        'accounts.processed': {
          path: '/status/catchpoint-processed-accounts',
          unit: '{account}',
          doc: 'Those that it has loaded.',
        },
        'accounts.verified': {
          path: '/status/catchpoint-verified-accounts',
          unit: '{account}',
          doc: 'Those that it has verified.',
        },
        'kvs.total': { path: '/status/catchpoint-total-kvs', unit: '{entry}', doc: 'Key-value entries in the catchpoint.' },
        'kvs.processed': { path: '/status/catchpoint-processed-kvs', unit: '{entry}', doc: 'Those that it has loaded.' },
        'kvs.verified': { path: '/status/catchpoint-verified-kvs', unit: '{entry}', doc: 'Those that it has verified.' },
        'blocks.total': { path: '/status/catchpoint-total-blocks', unit: '{block}', doc: 'Blocks that the catch-up needs.' },
        'blocks.acquired': { path: '/status/catchpoint-acquired-blocks', unit: '{block}', doc: 'Those that it has.' },
      },
    },
  },
};
