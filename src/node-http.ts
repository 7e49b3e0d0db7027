/**
 * Node's HTTP module without the client that comes with it: an `import` of `node:http` reads all that the module exports, which loads
 * undici for `WebSocket`, 14 MB of memory that a server has no use for. What is got in this way is loaded when it is used.
 */
export const { createServer, request } = process.getBuiltinModule('node:http');
