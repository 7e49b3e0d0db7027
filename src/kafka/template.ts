/** Texts with variables of an event in braces: topics and keys. */
import type { Message } from '../broker.ts';
import { SinkError } from '../errors.ts';

const VARIABLES = ['type', 'sensor', 'host', 'agent'] as const;
type Variable = (typeof VARIABLES)[number];

/** What a topic may be named: `org.apache.kafka.common.internals.Topic`. */
const TOPIC = /^[a-zA-Z0-9._-]{1,249}$/;
/** Results that are remembered; events come in few kinds, and what makes more of them costs time, not memory. */
const REMEMBERED_MAX = 1000;

/** A fixed text, or the name of a variable. */
type Part = { readonly text: string } | { readonly variable: Variable };

function parse(template: string): Part[] | string {
  const parts: Part[] = [];
  for (const [, name, text] of template.matchAll(/\{([^{}]*)\}|([^{}]+|[{}])/g)) {
    if (text === '{' || text === '}') return 'a brace without its other half';
    if (text !== undefined) parts.push({ text });
    else if (VARIABLES.includes(name as Variable)) parts.push({ variable: name as Variable });
    else return `there is no variable {${name}}; there is {${VARIABLES.join('}, {')}}`;
  }
  return parts;
}

/** Why a text is not a template of a topic or a key, or undefined. */
export function templateMistake(template: string, what: 'topic' | 'key'): string | undefined {
  const parts = parse(template);
  if (typeof parts === 'string') return parts;
  if (what === 'key') return undefined;
  const fixed = parts.map((part) => ('text' in part ? part.text : 'x')).join('');
  return topicMistake(fixed);
}

/** Why a text cannot name a topic, or undefined. */
export function topicMistake(name: string): string | undefined {
  if (name === '.' || name === '..') return 'a topic cannot be named so';
  if (TOPIC.test(name)) return undefined;
  if (name.length === 0) return 'a topic needs a name';
  return name.length > 249
    ? 'a topic has 249 characters at most'
    : 'a topic has letters, digits, dots, underscores and dashes only';
}

/** Fills a template in; the same event's kind is filled in once. */
export class Template {
  /** The text, where no variable is in it. */
  readonly fixed: string | undefined;
  readonly #parts: readonly Part[];
  readonly #remembered = new Map<string, string>();

  constructor(template: string) {
    const parts = parse(template);
    if (typeof parts === 'string') throw new TypeError(parts);
    this.#parts = parts;
    this.fixed = parts.every((part) => 'text' in part) ? template : undefined;
  }

  fill(message: Message): string {
    if (this.fixed !== undefined) return this.fixed;
    let key = '';
    for (const part of this.#parts) if ('variable' in part) key += `${message[part.variable]}\0`;
    const known = this.#remembered.get(key);
    if (known !== undefined) return known;
    const filled = this.#parts.map((part) => ('text' in part ? part.text : message[part.variable])).join('');
    if (this.#remembered.size >= REMEMBERED_MAX) this.#remembered.clear();
    this.#remembered.set(key, filled);
    return filled;
  }
}

/** The topic of a message; a `SinkError` says so when there can be none of that name. */
export function topicOf(template: Template, message: Message): string {
  const topic = template.fill(message);
  if (template.fixed !== undefined) return topic;
  const mistake = topicMistake(topic);
  if (mistake === undefined) return topic;
  throw new SinkError('rejected', `the event ${message.id} would go to the topic ${JSON.stringify(topic)}: ${mistake}`);
}
