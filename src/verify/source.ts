/** What a SOURCE on the command line names: `kafka://host:port/topic`, `amqp://host/vhost?queue=NAME`, or files. */
import { UsageError } from '../errors.ts';
import { EXIT_USAGE } from './reading.ts';

export type Source =
  | { readonly kind: 'kafka'; readonly brokers: readonly string[]; readonly topics: readonly string[] }
  | { readonly kind: 'amqp'; readonly url: string; readonly queue: string }
  | { readonly kind: 'files'; readonly patterns: readonly string[] };

const KAFKA_PORT = 9092;
const KAFKA = /^kafka:\/\/([^/?#]*)(?:\/([^?#]*))?$/;
/** What begins like a URL, and is none that is known here. */
const SCHEME = /^([a-z][a-z0-9+.-]*):\/\//i;

/** The source that the arguments name. Throws `UsageError`. */
export function parseSource(words: readonly string[]): Source {
  const urls = words.filter((word) => SCHEME.test(word));
  if (urls.length === 0) return { kind: 'files', patterns: words };
  const [url] = urls as [string];
  if (words.length > 1) throw wrong(`${shown(url)} cannot be read together with something else: verify it alone`);
  const scheme = (SCHEME.exec(url)?.[1] ?? '').toLowerCase();
  if (scheme === 'kafka') return kafka(url);
  if (scheme === 'amqp' || scheme === 'amqps') return amqp(url);
  throw wrong(`${scheme}:// is nothing to verify; there is: kafka://, amqp://, amqps://, and files`);
}

function kafka(url: string): Source {
  const [, hosts, path] = KAFKA.exec(url) ?? [];
  if (!hosts || hosts.includes('@')) {
    throw wrong(`${shown(url)}: expected kafka://HOST:PORT[,HOST:PORT]/TOPIC; a user is given with --username`);
  }
  const brokers = hosts.split(',').map((host) => (/:\d+$/.test(host) ? host : `${host}:${KAFKA_PORT}`));
  const topics = decodeURIComponent(path ?? '')
    .split(',')
    .filter(Boolean);
  if (topics.length === 0)
    throw wrong(`${url} names no topic: write kafka://${hosts}/TOPIC, or several with commas between, or a glob`);
  return { kind: 'kafka', brokers, topics };
}

function amqp(text: string): Source {
  const url = URL.parse(text);
  if (!url?.hostname) throw wrong(`${shown(text)}: expected amqp://USER@HOST:PORT/VHOST?queue=NAME`);
  const queue = url.searchParams.get('queue');
  const unknown = [...url.searchParams.keys()].find((key) => key !== 'queue');
  if (unknown !== undefined) throw wrong(`${shown(text)} has ${unknown}=; what may follow the ? is queue=NAME`);
  if (!queue) throw wrong(`${shown(text)} names no queue: write ${shown(text)}?queue=NAME`);
  url.search = '';
  return { kind: 'amqp', url: url.href, queue };
}

/** A URL without its password. */
const shown = (url: string): string => url.replace(/^([a-z+.-]+:\/\/[^:/@]*):[^@/]*@/i, '$1:***@');

const wrong = (message: string): UsageError => new UsageError(message, EXIT_USAGE);
