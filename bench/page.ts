/**
 * Pages of metrics as Kubernetes, node_exporter and blockchain nodes write them, from a seed: a third counters, a third gauges, the rest histograms and
 * summaries, three to seven labels each.
 */

/** Numbers from 0 to 1, the same for the same seed. Mulberry32, by Tommy Ettinger. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

const SUBJECTS = ['http_server', 'grpc_client', 'p2p', 'consensus', 'mempool', 'container', 'node', 'rpc', 'txpool', 'storage'];
const THINGS = ['requests', 'bytes', 'errors', 'blocks', 'messages', 'connections', 'operations', 'transactions'];
const DEEDS = ['received', 'sent', 'processed', 'rejected', 'queued', 'written', 'read'];
const BOUNDS = ['0.005', '0.01', '0.025', '0.05', '0.1', '0.25', '0.5', '1', '2.5', '5', '10', '+Inf'];
const PATHS = [
  '/api/v1/query',
  '/healthz',
  '/eth/v1/beacon/blocks/head',
  'C:\\\\data\\\\node',
  'say \\"hi\\"',
  '/v1/sessions/{id}/events',
];

export interface PageOptions {
  readonly samples: number;
  readonly openMetrics?: boolean;
  readonly seed?: number;
}

/** A page as its parts: what stands before each value, and behind the last; `values` makes numbers for it. */
export interface PageParts {
  readonly before: readonly string[];
  readonly tail: string;
  /** One value for each of `before`, as text. */
  readonly values: (seed: number) => string[];
}

export function pageParts({ samples, openMetrics = false, seed = 1 }: PageOptions): PageParts {
  const next = random(seed);
  const pick = <T>(list: readonly T[]): T => list[Math.floor(next() * list.length)] as T;
  const pods = Array.from(
    { length: 400 },
    () => `${pick(SUBJECTS)}-${Math.floor(next() * 2 ** 32).toString(16)}-${Math.floor(next() * 2 ** 20).toString(16)}`,
  );
  const labels = (i: number): string => {
    const pairs = [
      `namespace="${['default', 'kube-system', 'validator-a'][i % 3]}"`,
      `pod="${pods[i % 400]}"`,
      `instance="node-${i % 40}.eu-west-1.internal"`,
    ];
    if (i & 1) pairs.push(`method="${['GET', 'POST', 'PUT'][i % 3]}"`);
    if (i & 2) pairs.push(`code="${200 + (i % 10)}"`);
    if (i & 4) pairs.push(`path="${PATHS[i % PATHS.length]}"`);
    return [...pairs, `shard="${i}"`].join(',');
  };
  const before: string[] = [];
  const kinds: ('count' | 'gauge')[] = [];
  let head = '';
  const add = (series: string, kind: 'count' | 'gauge'): void => {
    if (before.length >= samples) return;
    before.push(`${head}${series} `);
    kinds.push(kind);
    head = '\n';
  };
  for (let family = 0; before.length < samples; family++) {
    const base = `${pick(SUBJECTS)}_${pick(THINGS)}_${pick(DEEDS)}_${family}`;
    const chance = next();
    const type = chance < 0.35 ? 'counter' : chance < 0.7 ? 'gauge' : chance < 0.95 ? 'histogram' : 'summary';
    const name = type === 'counter' && !openMetrics ? `${base}_total` : base;
    head += `# HELP ${name} What ${base.replaceAll('_', ' ')} is about.\n# TYPE ${name} ${type}\n`;
    const series = type === 'histogram' ? 8 : 40 + Math.floor(next() * 80);
    for (let i = 0; i < series; i++) {
      const own = labels(i);
      if (type === 'counter') add(`${base}_total{${own}}`, 'count');
      else if (type === 'gauge') add(`${base}{${own}}`, 'gauge');
      else if (type === 'histogram') for (const le of BOUNDS) add(`${base}_bucket{${own},le="${le}"}`, 'count');
      else for (const quantile of ['0.5', '0.9', '0.99']) add(`${base}{${own},quantile="${quantile}"}`, 'gauge');
      if (type === 'histogram' || type === 'summary') {
        add(`${base}_sum{${own}}`, 'gauge');
        add(`${base}_count{${own}}`, 'count');
      }
    }
  }
  const values = (valueSeed: number): string[] => {
    const number = random(valueSeed);
    return kinds.map((kind) => {
      const chance = number();
      if (kind === 'count') return `${Math.floor(10 ** (number() * 9))}`;
      if (chance < 0.4) return `${Math.floor(number() * 1000)}`;
      if (chance < 0.8) return `${number() * 1e6}`;
      return chance < 0.97 ? (number() * 10).toExponential(6) : 'NaN';
    });
  };
  return { before, tail: `\n${openMetrics ? '# EOF\n' : ''}`, values };
}

/** The page with the values of a seed. */
export function writePage({ before, tail, values }: PageParts, seed: number): Buffer {
  const numbers = values(seed);
  return Buffer.from(before.map((part, i) => part + numbers[i]).join('') + tail);
}
