/**
 * Servers that do not answer, for a bench: `node dead-server.ts HOW` prints its port and then does nothing any more, so that the kernel alone is there.
 *
 *   blackholed   the queue of connections is full, and the kernel drops every SYN
 *   hung         the kernel takes connections, and nobody reads them
 */
import { writeSync } from 'node:fs';
import { type AddressInfo, connect, createServer } from 'node:net';

/** More connections than the kernel holds when the backlog is 1. */
const FILL = 4;
/** More than a bench has at once; the kernel's own limit is `net.core.somaxconn`. */
const BACKLOG = 65_535;

const blackholed = process.argv[2] === 'blackholed';
const server = createServer();
server.listen({ port: 0, host: '127.0.0.1', backlog: blackholed ? 1 : BACKLOG }, () => {
  const { port } = server.address() as AddressInfo;
  // Each is begun in the next tick, and accepted when this has given way to the loop, which it never does.
  for (let i = 0; blackholed && i < FILL; i++) connect(port, '127.0.0.1');
  process.nextTick(() => {
    writeSync(1, `${port}\n`);
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
  });
});
