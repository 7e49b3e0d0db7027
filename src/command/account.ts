/** Whose rights a command has and what it sees of the environment. Names are those of /etc/passwd and /etc/group: passwd(5), group(5). */
import { readFileSync } from 'node:fs';
import { describe, Unavailable } from '../errors.ts';
import type { CommandOptions } from './options.ts';

export interface Account {
  /** Undefined is the service's own. */
  readonly uid: number | undefined;
  readonly gid: number | undefined;
  readonly environment: Readonly<Record<string, string>>;
}

type Given = Pick<CommandOptions, 'user' | 'group' | 'environment' | 'variables'>;

/** Throws `Unavailable` when there is no such user or group, or the service may not choose one. */
export function accountOf(given: Given, own: NodeJS.ProcessEnv = process.env, etc = '/etc'): Account {
  const { user, group, environment: allowed, variables } = given;
  const person = user === undefined ? undefined : lookUp(`${etc}/passwd`, user, 'user');
  const team = group === undefined ? undefined : lookUp(`${etc}/group`, group, 'group');
  const uid = person?.id;
  const gid = team?.id ?? (person?.fields[3] === undefined ? undefined : Number(person.fields[3]));
  if (uid !== undefined && gid === undefined)
    throw new Unavailable(`user ${user} is not in ${etc}/passwd, so that its group is not known: give group too`);
  const foreign = (uid !== undefined && uid !== process.geteuid?.()) || (gid !== undefined && gid !== process.getegid?.());
  if (foreign && process.geteuid?.() !== 0)
    throw new Unavailable(
      'only root may run a command as another user or group: run the service as root, or leave out user and group',
    );
  const environment: Record<string, string> = {};
  for (const name of allowed) {
    const value = own[name];
    if (value !== undefined) environment[name] = value;
  }
  // Another user has another home, whatever ours is.
  if (person?.fields[5] !== undefined) Object.assign(environment, { HOME: person.fields[5], USER: person.name });
  return { uid, gid, environment: { ...environment, ...variables } };
}

function lookUp(file: string, wanted: string | number, what: string): { name: string; id: number; fields: string[] } {
  let text = '';
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if (typeof wanted === 'string') throw new Unavailable(`${what} ${wanted} is looked up in ${file}: ${describe(error)}`);
  }
  const lines = text.split('\n').map((line) => line.split(':'));
  const found = lines.find(([name, , id]) => (typeof wanted === 'string' ? name === wanted : id === String(wanted)));
  if (found) return { name: found[0] as string, id: Number(found[2]), fields: found };
  if (typeof wanted === 'number') return { name: String(wanted), id: wanted, fields: [] };
  throw new Unavailable(`there is no ${what} ${wanted} in ${file}: one of a directory service is given by its number`);
}
