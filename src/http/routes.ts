/** What the descriptions of the routes have in common, and how a sink is found. */
import * as z from 'zod';
import { nearest } from '../nearest.ts';
import type { ServedAgent, ServedDelivery } from './service.ts';
import { errorView } from './view.ts';

export const LINES = 'application/x-ndjson';

export const json = <S extends z.ZodType>(schema: S, description: string) => ({
  description,
  content: { 'application/json': { schema } },
});

export const text = (type: string, description: string) => ({ description, content: { [type]: { schema: z.string() } } });

export const refusal = (description: string) => json(errorView, description);

/** A body of JSON, which must be there. */
export const body = <S extends z.ZodType>(schema: S) => ({ required: true, content: { 'application/json': { schema } } });

/** Answers that every change may have. */
export const guarded = {
  401: refusal('The token is missing or wrong.'),
  403: refusal('Nothing may be changed from here.'),
};
export const senseless = { 400: refusal('The request makes no sense.') };
export const missing = { 404: refusal('There is no such sink, or it is none to a broker.') };
export const closed = { 503: refusal('The spool is not open now.') };

export const sinkParams = z.object({ sink: z.string().describe('Name of a sink to a broker.') });

/** The delivery of a sink, or why there is none. */
export function findDelivery(agent: ServedAgent, name: string): ServedDelivery | string {
  const delivery = agent.delivery(name);
  if (delivery) return delivery;
  const names = agent.status().sinks.map((sink) => sink.name);
  if (names.includes(name)) return `the sink ${name} writes by itself and has no spool: only those to brokers have one`;
  const near = nearest(name, names);
  return `there is no sink ${JSON.stringify(name)} here; ${near ? `did you mean ${near}?` : `there is: ${names.join(', ')}`}`;
}
