/**
 * A Produce request whose record batch is encoded already, sent as it is: kafkajs copies what it sends three times on the way to the socket.
 * https://kafka.apache.org/protocol#The_Messages_Produce, versions 3 to 7.
 */
import type { Socket } from 'node:net';

export const PRODUCE_KEY = 0;
const NAME = 'Produce';
/** Everything before the batch but the names of the client and the topic. */
const HEAD_BYTES = 14 + 26;
const SIZE_BYTES = 4;

/** What of kafkajs's connection a request needs. */
export interface Connection {
  readonly clientId: string;
  readonly socket: Socket;
  readonly requestQueue: {
    push(request: object): void;
    maybeThrottle(ms: number | null): void;
  };
  isAuthenticated(): boolean;
  /** Does nothing where there is no login. */
  authenticate(): Promise<void>;
  failIfNotConnected(): void;
  nextCorrelationId(): number;
}

export interface ProduceRequest {
  readonly apiVersion: number;
  readonly acks: number;
  /** In milliseconds. */
  readonly timeout: number;
  readonly topic: string;
  readonly partition: number;
  readonly batch: Buffer;
}

export interface Response {
  decode(raw: unknown): Promise<{ readonly clientSideThrottleTime: number | null }>;
  parse(decoded: unknown): Promise<unknown>;
}

/** As `Connection.send` of kafkajs does it, but for the copies. */
export async function sendProduce(connection: Connection, request: ProduceRequest, response: Response): Promise<unknown> {
  if (!connection.isAuthenticated()) await connection.authenticate();
  connection.failIfNotConnected();
  const { apiVersion, batch } = request;
  const correlationId = connection.nextCorrelationId();
  const head = headOf(request, connection.clientId, correlationId);
  const sendRequest = (): void => {
    const { socket } = connection;
    socket.cork();
    socket.write(head);
    socket.write(batch);
    socket.uncork();
  };
  const { payload } = await new Promise<{ payload: unknown }>((resolve, reject) => {
    const entry = { apiKey: PRODUCE_KEY, apiName: NAME, apiVersion, correlationId, resolve, reject };
    connection.requestQueue.push({ entry, expectResponse: true, requestTimeout: null, sendRequest });
  });
  const decoded = await response.decode(payload);
  connection.requestQueue.maybeThrottle(decoded.clientSideThrottleTime);
  return await response.parse(decoded);
}

function headOf(
  { apiVersion, acks, timeout, topic, partition, batch }: ProduceRequest,
  client: string,
  correlationId: number,
): Buffer {
  const [clientId, name] = [Buffer.from(client), Buffer.from(topic)];
  const head = Buffer.alloc(HEAD_BYTES + clientId.length + name.length);
  let at = head.writeInt32BE(head.length - SIZE_BYTES + batch.length, 0);
  at = head.writeInt16BE(PRODUCE_KEY, at);
  at = head.writeInt16BE(apiVersion, at);
  at = head.writeInt32BE(correlationId, at);
  at = head.writeInt16BE(clientId.length, at);
  at += clientId.copy(head, at);
  // No transaction.
  at = head.writeInt16BE(-1, at);
  at = head.writeInt16BE(acks, at);
  at = head.writeInt32BE(timeout, at);
  at = head.writeInt32BE(1, at);
  at = head.writeInt16BE(name.length, at);
  at += name.copy(head, at);
  at = head.writeInt32BE(1, at);
  at = head.writeInt32BE(partition, at);
  head.writeInt32BE(batch.length, at);
  return head;
}
