import type { PresetMapping } from '../mapping-options.ts';

/** Bitcoin Core. https://developer.bitcoin.org/reference/rpc/ */
export const bitcoin: PresetMapping = {
  name: 'bitcoin',
  summary: 'Bitcoin Core: height, blocks behind, age of the last block, peers in and out, memory pool; from its JSON-RPC.',
  requests: {
    chain: { rpc: 'getblockchaininfo' },
    network: { rpc: 'getnetworkinfo' },
    mempool: { rpc: 'getmempoolinfo' },
  },
  tables: {
    'bitcoin.node': {
      doc: 'Where the node is.',
      attributes: { 'bitcoin.chain': '/chain/chain' },
      fields: {
        height: { path: '/chain/blocks', unit: '{block}', doc: 'Height of the last block that it has verified.' },
        headers: { path: '/chain/headers', unit: '{block}', doc: 'Height of the last header that it has.' },
        behind: {
          path: '/chain/headers',
          minus: '/chain/blocks',
          unit: '{block}',
          doc: 'Blocks whose header it has and that it has not verified.',
        },
        'last_block.age': {
          path: ['/chain/time', '/chain/mediantime'],
          as: 'age',
          doc: 'Time since the moment in the last block, by the clock of this machine; before Bitcoin Core 23 since the median of the last 11.',
        },
        syncing: { path: '/chain/initialblockdownload', as: 'boolean', doc: '1 during the initial download of blocks, else 0.' },
        verified: { path: '/chain/verificationprogress', doc: 'Share of the chain that is verified, as it guesses.' },
        size: { path: '/chain/size_on_disk', unit: 'By', doc: 'Size of blocks and undo files on disk.' },
        difficulty: { path: '/chain/difficulty', doc: 'Difficulty of the last block.' },
        peers: { path: '/network/connections', unit: '{peer}', kind: 'updowncounter', doc: 'Peers that it is connected to.' },
        'peers.inbound': {
          path: '/network/connections_in',
          unit: '{peer}',
          kind: 'updowncounter',
          doc: 'Those of them that connected to it. Absent before Bitcoin Core 21.',
        },
        'peers.outbound': {
          path: '/network/connections_out',
          unit: '{peer}',
          kind: 'updowncounter',
          doc: 'Those of them that it connected to. Absent before Bitcoin Core 21.',
        },
        network_active: { path: '/network/networkactive', as: 'boolean', doc: '0 when its network was turned off.' },
      },
    },
    'bitcoin.mempool': {
      doc: 'Transactions that wait.',
      attributes: { 'bitcoin.chain': '/chain/chain' },
      fields: {
        loaded: { path: '/mempool/loaded', as: 'boolean', doc: '0 until those of the run before are loaded.' },
        transactions: { path: '/mempool/size', unit: '{transaction}', doc: 'How many there are.' },
        size: { path: '/mempool/bytes', unit: 'By', doc: 'Sum of their virtual sizes.' },
        usage: { path: '/mempool/usage', unit: 'By', doc: 'Memory that they use.' },
        limit: { path: '/mempool/maxmempool', unit: 'By', doc: 'The most that they may use.' },
        min_fee: { path: '/mempool/mempoolminfee', unit: '{bitcoin}', doc: 'Least fee for 1000 virtual bytes that is let in.' },
      },
    },
  },
};
