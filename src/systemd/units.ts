/**
 * The table that `systemctl list-units` prints, by its headings:
 *
 *   UNIT          LOAD   ACTIVE SUB     DESCRIPTION
 *   ssh.service   loaded active running OpenBSD Secure Shell server
 *
 * An empty line ends it; what comes behind is for people. A unit that failed may have a dot before its name.
 */

export interface Unit {
  readonly name: string;
  readonly load: string;
  readonly active: string;
  readonly sub: string;
}

const COLUMNS = { UNIT: 'name', LOAD: 'load', ACTIVE: 'active', SUB: 'sub' } as const;

/** Undefined when it is no such table. */
export function parseUnits(output: string): Unit[] | undefined {
  const [head = '', ...lines] = output.split('\n');
  const headings = wordsOf(head);
  const places = Object.entries(COLUMNS).map(([heading, field]) => [field, headings.indexOf(heading)] as const);
  if (places.some(([, place]) => place < 0)) return undefined;
  const units: Unit[] = [];
  for (const line of lines) {
    if (line.trim() === '') break;
    const words = wordsOf(line);
    const unit = Object.fromEntries(places.map(([field, place]) => [field, words[place] ?? ''])) as unknown as Unit;
    if (unit.name === '' || unit.sub === '') return undefined;
    units.push(unit);
  }
  return units;
}

const wordsOf = (line: string): string[] =>
  line
    .replace(/^\s*[●*○↻×]?\s*/u, '')
    .split(/\s+/)
    .filter((word) => word !== '');
