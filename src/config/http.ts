/** What must hold between the options of the HTTP interface: nothing is open to other machines by accident. */
import { addressesOf, formatAddress, type HttpOptions, isLoopback, TOKEN_LENGTH_MIN } from '../http/options.ts';
import { placeAt } from './located.ts';
import type { Findings, Place } from './mistake.ts';

/** `written` is the whole file; `place` is where it is. */
export function checkHttp(http: HttpOptions, written: Record<string, unknown>, place: Place | string, findings: Findings): void {
  if (!http.enabled) return;
  const { token, tls } = http;
  if (typeof token === 'string' && token.length < TOKEN_LENGTH_MIN) {
    const hint = 'make a new one, for example with "openssl rand -hex 32"';
    findings.mistake(
      placeAt(written, ['http', 'token'], place),
      `http.token: it has less than ${TOKEN_LENGTH_MIN} characters`,
      hint,
    );
  }
  const open = addressesOf(http).find((address) => !isLoopback(address));
  if (!open || token !== undefined) return;
  const where = placeAt(written, ['http', 'listen'], place);
  const what = `http.listen: other machines can reach ${formatAddress(open)}`;
  const remedy = `set http.token, a text of ${TOKEN_LENGTH_MIN} characters or more or { file: PATH }`;
  if (tls === undefined)
    findings.mistake(where, `${what}, and neither a token nor TLS is configured`, `${remedy}, or listen on 127.0.0.1`);
  else if (tls.ca === undefined)
    findings.warning(where, `${what}, and whoever does may read what it shows`, `${remedy}, or http.tls.ca`);
}
