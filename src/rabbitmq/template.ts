/** Routing keys made of a message: `telemetry.{type}`, with what stands in braces taken from the message. */
import type { Message } from '../broker.ts';

/** AMQP 0-9-1 has a length byte before names and keys, so that they are at most this many bytes of UTF-8. */
export const SHORT_BYTES_MAX = 255;

export const PLACEHOLDERS = ['type', 'sensor', 'host', 'agent'] as const;
type Placeholder = (typeof PLACEHOLDERS)[number];
type Source = Pick<Message, Placeholder>;

export type KeyOf = (message: Source) => string;

/** True when a text fits where AMQP has a short string. */
export function isShort(text: string): boolean {
  // A UTF-16 unit is at most three bytes: short texts need no count.
  return text.length * 3 <= SHORT_BYTES_MAX || Buffer.byteLength(text) <= SHORT_BYTES_MAX;
}

/** What is wrong with a template, or undefined. */
export function templateMistake(template: string): string | undefined {
  const names = `{${PLACEHOLDERS.join('}, {')}}`;
  for (const [, name = ''] of template.matchAll(/\{([^{}]*)\}/g)) {
    if (!isPlaceholder(name)) return `{${name}} is not known; there is ${names}`;
  }
  const fixed = template.replaceAll(/\{[^{}]*\}/g, '');
  if (/[{}]/.test(fixed)) return `has a brace without its partner; write ${names}`;
  return isShort(fixed) ? undefined : `is longer than ${SHORT_BYTES_MAX} bytes, which is the most that AMQP takes`;
}

/** The function that fills in a template without mistakes. */
export function compileTemplate(template: string): KeyOf {
  const parts = template.split(/\{([^{}]*)\}/);
  if (parts.length === 1) return () => template;
  const [before = '', name = '', after = ''] = parts;
  if (parts.length === 3 && isPlaceholder(name)) return (message) => before + message[name] + after;
  return (message) => {
    let key = '';
    for (const [i, part] of parts.entries()) key += i % 2 === 1 && isPlaceholder(part) ? message[part] : part;
    return key;
  };
}

const isPlaceholder = (name: string): name is Placeholder => (PLACEHOLDERS as readonly string[]).includes(name);
