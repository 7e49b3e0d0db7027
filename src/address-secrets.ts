/** Passwords and tokens that stand in an address: `amqp://user:password@host`, `http://host/metrics?token=…`. */
const MASK = '***';

/** In an address: what stands behind a user and a colon, and values of a query that are called a token or the like. */
const IN_ADDRESSES = [
  /(?<=(?:\/\/|^|["'\s[])[^/\s:@"']*:)[^/\s@"']+(?=@)/g,
  /(?<=[?&][\w-]*(?:token|secret|passw(?:or)?d|api[_-]?key|signature)[\w-]*=)[^&#\s"']+/gi,
];

/** Where in a text there are passwords of addresses: `[from, to]`. What is still to be replaced by a variable is none. */
export function addressSecrets(text: string): (readonly [number, number])[] {
  const found = IN_ADDRESSES.flatMap((pattern) => [...text.matchAll(pattern)]);
  return found
    .filter(([match]) => !match.startsWith('${'))
    .map(({ 0: match, index }) => [index, index + match.length] as const)
    .toSorted(([a], [b]) => a - b);
}

/** A text with `***` for the passwords of addresses in it. */
export function withoutAddressSecrets(text: string): string {
  let [result, done] = ['', 0];
  for (const [from, to] of addressSecrets(text)) {
    if (from < done) continue;
    result += text.slice(done, from) + MASK;
    done = to;
  }
  return result + text.slice(done);
}
