/** A client of a test, and the failure that a request ends in. */
import { afterAll, expect } from 'vitest';
import * as z from 'zod';
import { HttpClient, type HttpRequest } from '../../src/http-client/client.ts';
import type { RequestFailure } from '../../src/http-client/failure.ts';
import { clientOptions } from '../../src/http-client/options.ts';

const schema = z.strictObject(clientOptions);

/** Long enough for whatever is to succeed; what is to be late says so. */
const PATIENT_MS = 20_000;

export function clientOf(options: object = {}, timeoutMs = PATIENT_MS): HttpClient {
  const client = new HttpClient(schema.parse(options), timeoutMs);
  afterAll(() => client.close());
  return client;
}

export const get = (url: string): HttpRequest => ({ method: 'GET', url });

/** Kind and message of the failure that a request ends in. */
export async function failure(client: HttpClient, request: HttpRequest): Promise<[string, string]> {
  const error = await client.request(request).then(
    () => undefined,
    (reason: unknown) => reason as RequestFailure,
  );
  expect(error?.name).toBe('RequestFailure');
  return [error?.kind ?? '', error?.message ?? ''];
}
