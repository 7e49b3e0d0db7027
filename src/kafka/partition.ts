/** The way from a lane to its partition. */

/** What kafkajs knows of a partition. */
export interface PartitionMetadata {
  readonly partitionId: number;
}

/**
 * The partition of a lane: always the same one while the topic has as many partitions. The agent's name spreads the lanes of many agents
 * over the partitions; FNV-1a needs no more than to be the same in every version and on every machine.
 */
export function partitionOf(agent: string, lane: number, partitions: readonly PartitionMetadata[]): number {
  const ids = partitions.map(({ partitionId }) => partitionId).toSorted((a, b) => a - b);
  return ids[(hash(agent) + lane) % ids.length] as number;
}

/** FNV-1a, 32 bits, over UTF-8. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (const byte of Buffer.from(text)) value = Math.imul(value ^ byte, 0x01000193) >>> 0;
  return value;
}
