/** A certificate authority of the tests' own, made with openssl: for brokers that listen with TLS, and for clients that show who they are. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { provideOpenssl } from './install.ts';
import { type BrokerKind } from './missing.ts';
import { execute } from './owned.ts';

/** Files of one certificate, in PEM; the key is PKCS#8, without a password. */
export interface Certificate {
  cert: string;
  key: string;
}

export class Authority {
  /** The authority's certificate, which clients and brokers trust. */
  readonly ca: string;
  readonly #folder: string;

  private constructor(folder: string) {
    this.#folder = folder;
    this.ca = join(folder, 'ca.pem');
  }

  static async create(folder: string, kind: BrokerKind): Promise<Authority> {
    await provideOpenssl(kind);
    const authority = new Authority(folder);
    const key = join(folder, 'ca.key');
    await openssl('req', '-x509', ...NEW_KEY, '-keyout', key, '-out', authority.ca, '-subj', '/CN=tidegate test authority');
    return authority;
  }

  /** Issues a certificate for a name: a client's user, or a server on loopback. A name that was used before is issued anew. */
  async issue(name: string): Promise<Certificate> {
    const at = (ending: string): string => join(this.#folder, `${name}.${ending}`);
    await openssl('req', ...NEW_KEY, '-keyout', at('key'), '-out', at('csr'), '-subj', `/CN=${name}`);
    writeFileSync(at('ext'), 'subjectAltName=IP:127.0.0.1,DNS:localhost\nextendedKeyUsage=serverAuth,clientAuth\n');
    const by = ['-CA', this.ca, '-CAkey', join(this.#folder, 'ca.key'), '-CAcreateserial'];
    await openssl('x509', '-req', '-in', at('csr'), ...by, '-extfile', at('ext'), '-days', '2', '-out', at('pem'));
    return { cert: at('pem'), key: at('key') };
  }
}

const NEW_KEY = ['-newkey', 'rsa:2048', '-nodes'];

async function openssl(...args: string[]): Promise<void> {
  await execute('openssl', args, { deadlineMs: 30_000 });
}
