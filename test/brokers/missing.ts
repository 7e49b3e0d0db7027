/** That a broker cannot be had, and what one may do then. `scripts/tally.ts` knows these errors by how they begin. */
export type BrokerKind = 'Kafka' | 'RabbitMQ';

/** Which variable gives the tests a broker that runs already. */
export const GIVEN = { Kafka: 'TIDEGATE_TEST_KAFKA', RabbitMQ: 'TIDEGATE_TEST_AMQP' } as const;
const EXAMPLE = { Kafka: '127.0.0.1:9092', RabbitMQ: 'amqp://guest:guest@127.0.0.1:5672' } as const;

export const MISSING_PREFIX = 'no broker to test with: ';

export class BrokerMissing extends Error {
  override readonly name = 'BrokerMissing';

  constructor(kind: BrokerKind, why: string) {
    const remedy = `start one and set ${GIVEN[kind]}=${EXAMPLE[kind]}, or set TIDEGATE_TEST_BROKERS=skip to leave these tests out`;
    super(`${MISSING_PREFIX}${kind}: ${why.trim()}\n→ ${remedy}`);
  }
}
