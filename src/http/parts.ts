/** What the routes of the API share. */
import type { OpenAPIHono } from '@hono/zod-openapi';
import type { EventHub } from './events.ts';
import type { Monitor } from './monitor.ts';
import type { ApiEnv, Service } from './service.ts';

export type Api = OpenAPIHono<ApiEnv>;

export interface ApiParts {
  readonly service: Service;
  readonly monitor: Monitor;
  readonly hub: EventHub;
}
