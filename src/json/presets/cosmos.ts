import type { PresetMapping } from '../mapping-options.ts';

/** CometBFT (Tendermint), which is below every chain of Cosmos. https://docs.cometbft.com/ Whole numbers of 64 bits are texts there. */
export const cosmos: PresetMapping = {
  name: 'cosmos',
  summary:
    'A node of CometBFT or Tendermint: height, age of the last block, catching up, peers in and out, memory pool; from its RPC.',
  requests: {
    status: { path: '/status' },
    net_info: { path: '/net_info' },
    mempool: { path: '/num_unconfirmed_txs', optional: true },
  },
  tables: {
    'cosmos.node': {
      doc: 'Where the node is.',
      attributes: { 'cosmos.chain': '/status/result/node_info/network' },
      fields: {
        height: {
          path: '/status/result/sync_info/latest_block_height',
          unit: '{block}',
          doc: 'Height of the last block that it has.',
        },
        'last_block.age': {
          path: '/status/result/sync_info/latest_block_time',
          as: 'age',
          doc: 'Time since the moment in the last block, by the clock of this machine.',
        },
        syncing: { path: '/status/result/sync_info/catching_up', as: 'boolean', doc: '1 while it catches up, else 0.' },
        'earliest.height': {
          path: '/status/result/sync_info/earliest_block_height',
          unit: '{block}',
          doc: 'Height of the first block that it keeps.',
        },
        voting_power: { path: '/status/result/validator_info/voting_power', doc: 'Its power as a validator; 0 when it is none.' },
        peers: { path: '/net_info/result/n_peers', unit: '{peer}', kind: 'updowncounter', doc: 'Peers that it is connected to.' },
        'peers.inbound': {
          path: '$.net_info.result.peers[?(@.is_outbound===false)]',
          combine: 'count',
          unit: '{peer}',
          kind: 'updowncounter',
          doc: 'Those of them that connected to it.',
        },
        'peers.outbound': {
          path: '$.net_info.result.peers[?(@.is_outbound===true)]',
          combine: 'count',
          unit: '{peer}',
          kind: 'updowncounter',
          doc: 'Those of them that it connected to.',
        },
      },
    },
    'cosmos.mempool': {
      doc: 'Transactions that wait.',
      attributes: { 'cosmos.chain': '/status/result/node_info/network' },
      fields: {
        transactions: { path: '/mempool/result/total', unit: '{transaction}', doc: 'How many there are.' },
        size: { path: '/mempool/result/total_bytes', unit: 'By', doc: 'Their size.' },
      },
    },
  },
};
