/** Real servers on loopback for tests of what asks over HTTP, and certificates for them. All are ended after the test file. */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { type AddressInfo, createServer as createTcpServer, type Socket, type Server as TcpServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, onTestFinished } from 'vitest';

/** What a server does with a request; a promise that rejects fails the test run. */
type Listener = (request: IncomingMessage, response: ServerResponse) => unknown;

const waitingFor =
  (listener: Listener): RequestListener =>
  (request, response) =>
    void listener(request, response);

type AnyServer = TcpServer & { closeAllConnections?: () => void };

async function listen(server: AnyServer, path?: string): Promise<number> {
  await new Promise<void>(
    (resolve) => void (path === undefined ? server.listen(0, '127.0.0.1', resolve) : server.listen(path, resolve)),
  );
  afterAll(() => {
    server.closeAllConnections?.();
    server.close();
  });
  return path === undefined ? (server.address() as AddressInfo).port : 0;
}

/** An HTTP server; returns its URL without a slash at the end. */
export async function httpServer(listener: Listener, path?: string): Promise<string> {
  const port = await listen(createServer(waitingFor(listener)), path);
  return `http://127.0.0.1:${port}`;
}

export async function tlsServer(listener: Listener, options: object): Promise<string> {
  return `https://127.0.0.1:${await listen(createTlsServer(options, waitingFor(listener)))}`;
}

/** A server of bytes; returns its port. */
export async function tcpServer(onSocket: (socket: Socket) => void): Promise<number> {
  const sockets = new Set<Socket>();
  const server = createTcpServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {}).on('close', () => sockets.delete(socket));
    onSocket(socket);
  });
  const port = await listen(server);
  afterAll(() => {
    for (const socket of sockets) socket.destroy();
  });
  return port;
}

/** A port at which nothing listens: one that was just free. */
export async function deadPort(): Promise<number> {
  const server = createTcpServer();
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** What another test has of it, it gives back; what is held for longer is a service of this machine. In milliseconds. */
const DEFAULT_PORT_MS = 10_000;

/** Has the port of the page by default taken until the test ends: by a server of its own, or by a service of this machine. */
export async function takeDefaultPort(): Promise<void> {
  const server = createTcpServer();
  onTestFinished(() => void server.close());
  const taken = async (): Promise<boolean> =>
    await new Promise((resolve) => {
      server.once('error', () => resolve(false));
      server.listen(8433, '127.0.0.1', () => resolve(true));
    });
  for (const until = performance.now() + DEFAULT_PORT_MS; performance.now() < until; ) {
    if (await taken()) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

export async function bodyOf(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of request) text += String(chunk);
  return text;
}

export function json(response: ServerResponse, value: unknown, status = 200): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
}

/** Certificates made in a folder: `ca`, and `server` and `client` that it has signed; each is a pair of files, NAME.crt and NAME.key. */
export function certificates(folder: string, days = 30): (name: string) => string {
  const openssl = (...args: string[]): void => void execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' });
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  openssl('req', '-x509', ...key, '-keyout', 'ca.key', '-out', 'ca.crt', '-days', '30', '-subj', '/CN=test authority');
  for (const [name, san] of [
    ['server', 'DNS:localhost,DNS:node.example,IP:127.0.0.1'],
    ['client', 'DNS:client.example'],
  ] as const) {
    writeFileSync(join(folder, `${name}.ext`), `subjectAltName=${san}\n`);
    openssl('req', ...key, ...`-keyout ${name}.key -out ${name}.csr -subj /CN=${name}`.split(' '));
    const signing = `x509 -req -in ${name}.csr -CA ca.crt -CAkey ca.key -CAcreateserial -out ${name}.crt -extfile ${name}.ext`;
    openssl(...signing.split(' '), '-days', String(days));
  }
  return (name) => join(folder, name);
}
