/** JSON-RPC 2.0 over HTTP: calls as a request's body, and what an answer says of each. https://www.jsonrpc.org/specification */
import { RequestFailure } from '../http-client/failure.ts';

export interface Call {
  readonly method: string;
  readonly params: unknown;
}

/** The body of a request for these calls, whose ids are their places; alone, a call is no list. */
export function encodeCalls(calls: readonly Call[]): string {
  const all = calls.map(({ method, params }, id) => ({ jsonrpc: '2.0', id, method, params: params ?? [] }));
  return JSON.stringify(all.length === 1 ? all[0] : all);
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;

/** Whether it is an answer of JSON-RPC, whatever it says: servers send one with any status. */
export const isRpcAnswer = (answer: unknown): boolean =>
  Array.isArray(answer) ? answer.every(isRpcAnswer) : isObject(answer) && ('result' in answer || isObject(answer['error']));

/** The result of each call, or a `RequestFailure` that says why there is none. A server may answer in any order, and with one error for all. */
export function decodeAnswers(calls: readonly Call[], answer: unknown): unknown[] {
  const answers = (Array.isArray(answer) ? answer : [answer]) as unknown[];
  const alone = !Array.isArray(answer);
  const byId = new Map(answers.filter(isObject).map((one) => [String(one['id']), one]));
  return calls.map(({ method }, id) => {
    // Alone, an answer is the call's whatever its id: an error may have none.
    const one = byId.get(String(id)) ?? (alone ? answers[0] : undefined);
    if (!isObject(one)) return new RequestFailure('no_answer', `the answer has nothing for ${method}`);
    if (isObject(one['error'])) return refusal(method, one['error']);
    if (alone && calls.length > 1) return new RequestFailure('rpc', `${method}: the server takes no batches: set batch to false`);
    if (!('result' in one)) return new RequestFailure('no_answer', `the answer to ${method} has no result`);
    return one['result'];
  });
}

function refusal(method: string, { code, message }: Record<string, unknown>): RequestFailure {
  const text = typeof message === 'string' ? message.slice(0, 200) : 'without a message';
  return new RequestFailure('rpc', `${method}: error ${typeof code === 'number' ? code : ''}: ${text}`.replace(' : ', ': '));
}
