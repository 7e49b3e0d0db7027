import type { PresetMapping } from '../mapping-options.ts';

/** A consensus client of Ethereum. https://ethereum.github.io/beacon-APIs/ It writes whole numbers as texts. */
export const beacon: PresetMapping = {
  name: 'beacon',
  summary: 'An Ethereum beacon node: slot, syncing, finality, peers; from the standard beacon API of every consensus client.',
  requests: {
    syncing: { path: '/eth/v1/node/syncing' },
    finality: { path: '/eth/v1/beacon/states/head/finality_checkpoints' },
    peer_count: { path: '/eth/v1/node/peer_count' },
    // A list of all, which some clients do not offer.
    peers: { path: '/eth/v1/node/peers?state=connected', optional: true },
  },
  tables: {
    'beacon.node': {
      doc: 'Where the node is.',
      fields: {
        height: { path: '/syncing/data/head_slot', unit: '{slot}', doc: 'Slot of the last block that it has.' },
        behind: { path: '/syncing/data/sync_distance', unit: '{slot}', doc: 'Slots that it lacks.' },
        syncing: { path: '/syncing/data/is_syncing', as: 'boolean', doc: '1 while it syncs, else 0.' },
        optimistic: {
          path: '/syncing/data/is_optimistic',
          as: 'boolean',
          doc: '1 while it follows a head that the execution client has not verified.',
        },
        execution_offline: {
          path: '/syncing/data/el_offline',
          as: 'boolean',
          doc: '1 when it cannot reach its execution client. Absent where the API is older.',
        },
        peers: {
          path: '/peer_count/data/connected',
          unit: '{peer}',
          kind: 'updowncounter',
          doc: 'Peers that it is connected to.',
        },
        'peers.inbound': {
          path: "$.peers.data[?(@.direction=='inbound')]",
          combine: 'count',
          unit: '{peer}',
          kind: 'updowncounter',
          doc: 'Those of them that connected to it.',
        },
        'peers.outbound': {
          path: "$.peers.data[?(@.direction=='outbound')]",
          combine: 'count',
          unit: '{peer}',
          kind: 'updowncounter',
          doc: 'Those of them that it connected to.',
        },
      },
    },
    'beacon.finality': {
      doc: 'How far the chain is agreed upon, by the state of the head.',
      fields: {
        justified: { path: '/finality/data/current_justified/epoch', unit: '{epoch}', doc: 'Last epoch that is justified.' },
        finalized: { path: '/finality/data/finalized/epoch', unit: '{epoch}', doc: 'Last epoch that is final.' },
        delay: {
          path: '/finality/data/current_justified/epoch',
          minus: '/finality/data/finalized/epoch',
          unit: '{epoch}',
          doc: 'Epochs from the last final one to the last justified one: 1 as a rule, and more when the chain does not become final.',
        },
      },
    },
  },
};
