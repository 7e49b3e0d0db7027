/** What a running service shows of itself. */
import type { DeliveryStatus } from './delivery/status.ts';
import type { RunnerStatus } from './runner-types.ts';
import type { SensorStatus } from './sensor-task.ts';

export interface AgentStatus {
  readonly run: string;
  readonly sensors: readonly SensorStatus[];
  readonly sinks: readonly ({ readonly name: string } & (RunnerStatus | DeliveryStatus))[];
}
