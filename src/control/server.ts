/**
 * The service's socket: HTTP/1.1 over a unix socket in the folder for state, for its own user alone.
 *
 *   listen ──(a socket is there: does anybody answer?)──▶ refused, or the stale one replaced ──▶ open ──close──▶ socket gone
 *
 * What is asked there and how it is answered is the API's matter, as are its limits but for the number of connections.
 */
import { chmod } from 'node:fs/promises';
import type { Server } from 'node:http';
import { connect } from 'node:net';
import { describe, errno, UsageError } from '../errors.ts';
import { createListener, type Handle } from '../http/listener.ts';
import type { Log } from '../log.ts';
import { findAddress, forgetAddress, isTooLong, makeAddress, PATH_BYTES_MAX } from './address.ts';

const CONNECTIONS_MAX = 32;
/** How long one that is there may take to accept a connection, in milliseconds. */
const KNOCK_MS = 2000;
/** Exit code when another service has the folder, EX_UNAVAILABLE of sysexits.h. */
const EXIT_UNAVAILABLE = 69;

export interface ControlParts {
  readonly state: string;
  /** Answers what is asked: the API, which is loaded when somebody asks first. */
  readonly handle: Handle;
  readonly log: Log;
}

export interface Control {
  close(): Promise<void>;
}

/**
 * Opens the socket. Throws `UsageError` when a service with this folder for state runs. Where no socket can be made at all, it is said and
 * the service does without.
 */
export async function openControl({ state, handle, log }: ControlParts): Promise<Control> {
  try {
    const before = await findAddress(state);
    if (await isAnswered(before)) {
      throw new UsageError(
        `a service with the folder for state ${state} is running already: stop it, or give this one another folder with --state or TIDEGATE_STATE`,
        EXIT_UNAVAILABLE,
      );
    }
    await forgetAddress(state, before);
    const { path, elsewhere } = await makeAddress(state);
    if (isTooLong(path)) throw new Error(`${path} has more than the ${PATH_BYTES_MAX} bytes that the path of a socket may have`);
    const server = await createControlServer(handle);
    await listen(server, path);
    if (elsewhere)
      log.info({ socket: path }, 'the path of the folder for state is too long for a socket, so that the socket is elsewhere');
    return {
      async close() {
        server.close();
        server.closeAllConnections();
        await forgetAddress(state, path);
      },
    };
  } catch (error) {
    if (error instanceof UsageError) throw error;
    log.warn(
      { reason: describe(error) },
      'there is no socket to speak to this service; spools can be looked into when it is stopped',
    );
    return { close: async () => {} };
  }
}

/** Whether anybody accepts connections there. */
async function isAnswered(path: string): Promise<boolean> {
  if (isTooLong(path)) return false;
  return await new Promise<boolean>((resolve, reject) => {
    const socket = connect(path);
    socket.setTimeout(KNOCK_MS, () => {
      // It listens, or nobody would have been there to be waited for.
      socket.destroy();
      resolve(true);
    });
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', (error) => {
      if (['ENOENT', 'ECONNREFUSED', 'ENOTSOCK', 'ENOTDIR'].includes(errno(error) ?? '')) resolve(false);
      else reject(error);
    });
  });
}

async function listen(server: Server, path: string): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    // The socket is made before `listen` returns, and must never have been open to others.
    const umask = process.umask(0o177);
    try {
      server.listen(path, () => {
        server.removeListener('error', reject);
        resolve();
      });
    } finally {
      process.umask(umask);
    }
  });
  await chmod(path, 0o600);
  server.on('error', () => {});
}

async function createControlServer(handle: Handle): Promise<Server> {
  const caller = { from: 'the socket', trusted: true, loopback: true, secure: false, token: undefined };
  return await createListener({ handle, caller: () => caller, connections: CONNECTIONS_MAX });
}
