import type { PresetMapping } from '../mapping-options.ts';

/** An execution client of Ethereum, or of a chain that speaks its JSON-RPC. https://ethereum.github.io/execution-apis/ */
export const ethereum: PresetMapping = {
  name: 'ethereum',
  summary: 'An Ethereum execution client: block number, age of the last block, syncing, peers, gas; from its JSON-RPC.',
  requests: {
    block_number: { rpc: 'eth_blockNumber' },
    syncing: { rpc: 'eth_syncing' },
    latest: { rpc: 'eth_getBlockByNumber', params: ['latest', false] },
    gas_price: { rpc: 'eth_gasPrice' },
    peers: { rpc: 'net_peerCount' },
    // Not every client offers the module to everyone.
    pool: { rpc: 'txpool_status', optional: true },
  },
  tables: {
    'ethereum.node': {
      doc: 'Where the node is.',
      fields: {
        height: { path: '/block_number', unit: '{block}', doc: 'Number of the last block that it has.' },
        'last_block.age': {
          path: '/latest/timestamp',
          as: 'age',
          doc: 'Time since the moment that the last block was made for, by the clock of this machine.',
        },
        syncing: { path: '/syncing', as: 'truth', doc: '1 while it syncs, else 0.' },
        behind: {
          path: ['/syncing/highestBlock', '/syncing'],
          minus: '/syncing/currentBlock',
          cases: { false: 0 },
          unit: '{block}',
          doc: 'Blocks that it lacks of those that it knows of; 0 when it is not syncing.',
        },
        peers: { path: '/peers', unit: '{peer}', kind: 'updowncounter', doc: 'Peers that it is connected to.' },
        gas_price: { path: '/gas_price', unit: '{wei}', doc: 'Price of gas that it suggests.' },
      },
    },
    'ethereum.block': {
      doc: 'The last block.',
      fields: {
        gas_used: { path: '/latest/gasUsed', unit: '{gas}', doc: 'Gas that its transactions used.' },
        gas_limit: { path: '/latest/gasLimit', unit: '{gas}', doc: 'The most that they could have used.' },
        base_fee: { path: '/latest/baseFeePerGas', unit: '{wei}', doc: 'Base fee for a gas. Absent before London.' },
        transactions: { path: '/latest/transactions', as: 'count', unit: '{transaction}', doc: 'Transactions in it.' },
        size: { path: '/latest/size', unit: 'By', doc: 'Its size.' },
      },
    },
    'ethereum.pool': {
      doc: 'Transactions that wait. Absent where the client does not offer txpool_status.',
      fields: {
        pending: { path: '/pool/pending', unit: '{transaction}', doc: 'Those that could be in the next block.' },
        queued: { path: '/pool/queued', unit: '{transaction}', doc: 'Those that wait for one before them.' },
      },
    },
  },
};
