/** What a schema found wrong with a value, as mistakes at the places where the value was written. */
import type * as z from 'zod';
import { nearest } from '../nearest.ts';
import { type Container, isBroken, isMapping, keyPlaceAt, memberAt, type Path, placeAt, slotOf } from './located.ts';
import type { Findings, Place } from './mistake.ts';
import { exampleOf, optionsOf, schemaAt, shapeOf } from './shapes.ts';

type Issue = z.core.$ZodIssue;

/** What was checked, for its mistakes to be told. */
export interface Subject {
  readonly schema: z.core.$ZodType;
  readonly value: Container;
  /** Where the value itself was written. */
  readonly place: Place | string;
  /** Its path in the whole configuration, as an operator would say it: `sinks.archive`. */
  readonly name: string;
  /** Names of options that are right here beside those of the schema. */
  readonly alsoRight: readonly string[];
}

const TYPES: Readonly<Record<string, string>> = {
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  object: 'options (a mapping)',
  record: 'a mapping',
  array: 'a list',
  tuple: 'a list',
  null: 'nothing',
};
const FORMATS: Readonly<Record<string, string>> = {
  url: 'a URL',
  email: 'an e-mail address',
  ipv4: 'an IPv4 address',
  ipv6: 'an IPv6 address',
  hostname: 'a host name',
  datetime: 'a date and time',
  duration: 'an ISO 8601 duration',
};

/** Words for what a schema has none of its own for. Given to zod as the error map of a parse. */
export function phrase(issue: z.core.$ZodRawIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      return `expected ${TYPES[issue.expected] ?? issue.expected}, and this is ${kindOf(issue.input)}`;
    case 'invalid_value':
      return `${shown(issue.input)} is not ${listed(issue.values)}`;
    case 'too_small':
      return bound(issue, issue.minimum, issue.inclusive ? 'at least' : 'more than');
    case 'too_big':
      return bound(issue, issue.maximum, issue.inclusive ? 'at most' : 'less than');
    case 'not_multiple_of':
      return `expected a multiple of ${issue.divisor}`;
    case 'invalid_format':
      return `${shown(issue.input)} is not ${format(issue)}`;
    case 'invalid_union':
      if ('discriminator' in issue) return `${shown(choiceOf(issue))} is not ${listed(issue['options'] as unknown[])}`;
      return `expected another kind of value than ${kindOf(issue.input)}`;
    default:
      return 'this value is not valid here';
  }
}

function bound(issue: { origin: string; code?: string }, limit: number | bigint, how: string): string {
  if (issue.origin === 'string')
    return limit === 1 && how === 'at least' ? 'the text is empty' : `expected ${how} ${limit} characters`;
  const things = issue.origin === 'array' || issue.origin === 'set' ? (Number(limit) === 1 ? ' item' : ' items') : '';
  return `expected ${how} ${limit}${things}`;
}

function format(issue: { format: string; pattern?: string; prefix?: string; suffix?: string; includes?: string }): string {
  if (issue.format === 'regex') return `of the form ${issue.pattern}`;
  if (issue.prefix !== undefined) return `a text that begins with "${issue.prefix}"`;
  if (issue.suffix !== undefined) return `a text that ends with "${issue.suffix}"`;
  if (issue.includes !== undefined) return `a text with "${issue.includes}" in it`;
  return FORMATS[issue.format] ?? `a valid ${issue.format.replaceAll('_', ' ')}`;
}

function kindOf(value: unknown): string {
  if (value === null) return 'empty';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a mapping';
  if (typeof value === 'string') return `the text ${shown(value)}`;
  return typeof value === 'number' || typeof value === 'boolean' ? shown(value) : 'missing';
}

const shown = (value: unknown): string => {
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  return typeof value === 'string' ? JSON.stringify(value) : kindOf(value);
};

/** What a value says of the alternative that it is. */
const choiceOf = ({ input, discriminator }: { input?: unknown; discriminator?: unknown }): unknown =>
  isMapping(input) ? input[String(discriminator)] : input;

const listed = (values: readonly unknown[]): string => {
  const names = values.map((value) => String(value));
  return names.length === 1 ? `"${names[0]}"` : `one of ${names.join(', ')}`;
};

/** Tells every issue as a mistake of its own. */
export function tellIssues(issues: readonly Issue[], subject: Subject, findings: Findings): void {
  for (const issue of issues.flatMap((each) => resolved(each, []))) {
    if (issue.code === 'unrecognized_keys') for (const key of issue.keys) tellUnknown(issue.path, key, subject, findings);
    else tell(issue, subject, findings);
  }
}

/** The issues of the alternative of a union that was probably meant: the one that accepts most of the value. */
function resolved(issue: Issue, base: Path): Issue[] {
  const path = [...base, ...issue.path];
  if (issue.code === 'invalid_key' || issue.code === 'invalid_element')
    return [{ ...issue, path, message: issue.issues[0]?.message ?? issue.message }];
  if (issue.code !== 'invalid_union' || issue.errors.length === 0) return [{ ...issue, path }];
  const branches = issue.errors.map((errors) => errors.flatMap((inner) => resolved(inner, path)));
  const atRoot = (inner: Issue) =>
    inner.path.length === path.length && (inner.code === 'invalid_type' || inner.code === 'invalid_value');
  const deeper = branches.filter((branch) => !branch.some(atRoot));
  const best = deeper.toSorted((a, b) => a.length - b.length)[0];
  if (best) return best;
  const kinds = branches
    .flat()
    .filter(atRoot)
    .map((inner) => (inner.code === 'invalid_type' ? inner.expected : ''));
  const known = [...new Set(kinds)].map((kind) => TYPES[kind]).filter((kind) => kind !== undefined);
  const ours = issue.message.startsWith('expected another kind');
  const message = ours && known.length > 0 ? `expected ${known.join(' or ')}` : issue.message;
  return [{ ...issue, path, message }];
}

function tellUnknown(path: Path, key: string, subject: Subject, findings: Findings): void {
  const known = optionsOf(schemaAt(subject.schema, path) ?? subject.schema).map((option) => option.name);
  const names = path.length === 0 ? [...known, ...subject.alsoRight] : known;
  const near = nearest(key, names);
  const hint = near
    ? `did you mean "${near}"?`
    : names.length > 0
      ? `the options here are: ${names.join(', ')}`
      : 'remove it: there are no options here';
  const name = spell(subject.name, path);
  findings.mistake(
    keyPlaceAt(subject.value, [...path, key], subject.place),
    `${name === '' ? '' : `${name}: `}there is no option "${key}"`,
    hint,
  );
}

function tell(issue: Issue, subject: Subject, findings: Findings): void {
  const { schema, value, place } = subject;
  const member = memberAt(value, issue.path);
  if (member && isBroken(member.container, member.key)) return;
  const at = issue.code === 'invalid_key' ? keyPlaceAt : placeAt;
  const name = spell(subject.name, issue.path);
  const where = at(value, issue.path, place);
  if (member === undefined && issue.path.length > 0 && issue.code !== 'custom')
    return findings.mistake(
      where,
      `${spell(subject.name, issue.path.slice(0, -1))}: the option "${String(issue.path.at(-1))}" is missing`,
      addition(schema, issue.path),
    );
  if (member?.value === null) return findings.mistake(where, `${name} has no value`, 'give it one, or remove it');
  const [what, hint] = split(issue.message);
  findings.mistake(where, `${name}: ${what}`, hint ?? remedy(issue, member?.value), hidden(member, schema, issue.path));
}

/** A message may say what to do behind a semicolon. */
function split(message: string): [string, string | undefined] {
  const at = message.indexOf('; ');
  return at < 0 ? [message, undefined] : [message.slice(0, at), message.slice(at + 2)];
}

function remedy(issue: Issue, value: unknown): string | undefined {
  if (issue.code === 'invalid_type') return retyping(issue.expected, value);
  if (typeof value !== 'string') return undefined;
  if (issue.code === 'invalid_value') return suggestion(value, issue.values);
  if (issue.code !== 'invalid_union' || !('options' in issue)) return undefined;
  const options = issue.options as unknown[];
  return suggestion(value, options) ?? `it is ${listed(options)}`;
}

function suggestion(value: string, choices: readonly unknown[]): string | undefined {
  const near = nearest(value, choices.map(String));
  return near && `did you mean "${near}"?`;
}

/** How to write a value so that it is of the type that is wanted. */
function retyping(expected: string, value: unknown): string | undefined {
  const numeric = typeof value === 'string' && value.trim() !== '' && Number.isFinite(Number(value));
  if (expected === 'string' && (typeof value === 'number' || typeof value === 'boolean')) return 'put it in quotes';
  if ((expected === 'number' || expected === 'int') && numeric) return 'remove the quotes';
  if (expected === 'boolean' && typeof value === 'string' && /^(yes|no|on|off)$/i.test(value))
    return `write ${/^(yes|on)$/i.test(value)}`;
  return expected === 'array' && !isMapping(value) ? `write it as [${JSON.stringify(value)}]` : undefined;
}

/** How to write an option that is missing. */
function addition(schema: z.core.$ZodType, path: Path): string {
  const option = schemaAt(schema, path);
  const name = String(path.at(-1));
  const example = option && exampleOf(option);
  const { description } = option ? shapeOf(option).meta : {};
  const write = example === undefined ? `add ${name}` : `add it, for example ${name}: ${JSON.stringify(example)}`;
  return description ? `${write} (${description.replace(/\.$/, '')})` : write;
}

/** What a message about this value must not say: where the value came from outside, or is secret. */
function hidden(member: ReturnType<typeof memberAt>, schema: z.core.$ZodType, path: Path): string[] {
  if (!member) return [];
  const text = slotOf(member.container, member.key)?.text;
  const secret = path.some((_key, i) => {
    const inner = schemaAt(schema, path.slice(0, i + 1));
    return inner && shapeOf(inner).meta.secret;
  });
  const whole = secret || text ? [String(member.value)] : [];
  return [...whole, ...(text?.outside ?? [])];
}

/** A path as an operator would say it. */
function spell(name: string, path: Path): string {
  return path.reduce<string>(
    (text, key) => (typeof key === 'number' ? `${text}[${key}]` : text === '' ? String(key) : `${text}.${String(key)}`),
    name,
  );
}
