// @ts-check
/**
 * The service as the page knows it: asks for its status again and again, and sends it what an operator decides.
 *
 * Limits: one question at a time, POLL_MS after the last answer, each with a deadline. Nothing is asked while the page is hidden.
 * States: asking (no answer yet), there (the last question was answered), gone (it was not; the last status is kept and shown as old),
 * locked (it wants a token).
 */
import { setClock } from './dom.mjs';
import { askToken, authorization, storedToken, storeToken } from './token.mjs';

/** @import { ConfigView, HistoryView, StatusView } from '../http/view.ts' */
/**
 * `since`: by this machine's clock. `known`: whether it ever answered. `locked`: it wants a token.
 * @typedef {{ since: number, why: string, known: boolean, locked: boolean }} Gone
 */
/**
 * @typedef {object} Listener
 * @property {(status: StatusView) => void} onStatus
 * @property {(gone: Gone) => void} onGone
 * @property {(history: HistoryView) => void} onHistory
 * @property {(visible: boolean) => void} onVisible
 */

/** From an answer to the next question, in milliseconds. */
export const POLL_MS = 2000;
/** How long an answer may take, in milliseconds. */
const ANSWER_MS = 5000;
/** How long an action may take, in milliseconds: a retry of many dead letters writes to disk. */
const ACTION_MS = 60_000;
/** The status of an answer that wants a token, or another one. */
const UNAUTHORISED = 401;

/** An answer that is a refusal or a failure. */
export class Refused extends Error {
  /** @param {number} status @param {string} message */
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

export class Service {
  /** @type {Listener} */
  #listener;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  /** Tells the question that is awaited from older ones. */
  #asked = 0;
  /** @type {Gone | undefined} */
  #gone;
  #lastAnswer = 0;
  #run = '';

  /** @param {Listener} listener */
  constructor(listener) {
    this.#listener = listener;
    document.addEventListener('visibilitychange', () => this.#onVisibility());
  }

  start() {
    this.#onVisibility();
  }

  /** Asks at once, because something was changed. */
  refresh() {
    if (document.visibilityState === 'visible') void this.#ask();
  }

  #onVisibility() {
    const visible = document.visibilityState === 'visible';
    clearTimeout(this.#timer);
    this.#asked++;
    // What was while nobody looked is in the history.
    this.#run = '';
    this.#listener.onVisible(visible);
    if (visible) void this.#ask();
  }

  async #ask() {
    clearTimeout(this.#timer);
    const asked = ++this.#asked;
    try {
      const status = /** @type {StatusView} */ (await get('/api/status'));
      if (asked === this.#asked) this.#answered(status);
    } catch (error) {
      if (asked === this.#asked) this.#unanswered(/** @type {Error} */ (error));
    }
    if (asked === this.#asked) this.#timer = setTimeout(() => void this.#ask(), POLL_MS);
  }

  /** @param {StatusView} status */
  #answered(status) {
    const again = this.#gone !== undefined || status.service.run !== this.#run;
    this.#gone = undefined;
    this.#lastAnswer = Date.now();
    this.#run = status.service.run;
    setClock(status.service.now);
    this.#listener.onStatus(status);
    if (again) void this.#askHistory();
  }

  async #askHistory() {
    try {
      this.#listener.onHistory(/** @type {HistoryView} */ (await get('/api/history')));
    } catch {
      // The status says whether the service answers; the plots begin now.
    }
  }

  /** @param {Error} error */
  #unanswered(error) {
    const known = this.#lastAnswer > 0;
    const since = this.#gone?.since ?? (known ? this.#lastAnswer : Date.now());
    const locked = error instanceof Refused && error.status === UNAUTHORISED;
    const first = locked && this.#gone?.locked !== true;
    this.#gone = { since, known, locked, why: reason(error) };
    this.#listener.onGone(this.#gone);
    // Asked for once by itself; after that the verdict has a button.
    if (first) void this.unlock();
  }

  /** Asks for the token that reading needs. */
  async unlock() {
    const token = await askToken(storedToken() === undefined ? undefined : 'The service does not take this token.');
    if (token === undefined) return;
    storeToken(token);
    // What was refused begins anew.
    this.#listener.onVisible(false);
    this.#onVisibility();
  }
}

/** @param {Error} error */
function reason(error) {
  if (error instanceof Refused) return `it answers with an error (${error.message})`;
  if (error.name === 'TimeoutError') return `no answer within ${ANSWER_MS / 1000} seconds`;
  return error instanceof SyntaxError ? 'what answers here is not tidegate' : 'nothing answers at this address';
}

/** A request with the token, where there is one. @param {string} path @param {AbortSignal} signal */
export const ask = async (path, signal) =>
  await fetch(path, { signal, cache: 'no-store', headers: authorization(storedToken()) });

/** @param {string} path @returns {Promise<string>} */
async function getText(path) {
  const response = await ask(path, AbortSignal.timeout(ANSWER_MS));
  const text = await response.text();
  if (!response.ok) throw refusedBy(response, text);
  return text;
}

/** @param {string} path @returns {Promise<unknown>} */
const get = async (path) => JSON.parse(await getText(path));

/** @returns {Promise<ConfigView>} */
export const getConfig = async () => /** @type {ConfigView} */ (await get('/api/config'));

/**
 * One dead letter, without its event. `rejected`: since when it is one; `time`: when it was sampled.
 * @typedef {{ number: number, type: string, sensor: string, time: number, bytes: number, reason?: string, rejected?: number }} DeadLetter
 */

/** The oldest dead letters of a sink; the service sends one a line. @param {string} sink @param {number} limit @returns {Promise<DeadLetter[]>} */
export async function getDead(sink, limit) {
  const text = await getText(`/api/sinks/${encodeURIComponent(sink)}/dead?limit=${limit}`);
  return text.split('\n').flatMap((line) => (line === '' ? [] : [/** @type {DeadLetter} */ (JSON.parse(line))]));
}

/** What the service says is wrong. @param {Response} response @param {string} text */
export function refusedBy(response, text) {
  let said;
  try {
    said = /** @type {{ error?: unknown }} */ (JSON.parse(text)).error;
  } catch {
    // Something between here and the service answers.
  }
  return new Refused(response.status, typeof said === 'string' ? said : `status ${response.status}`);
}

/**
 * Sends an action. Asks for the token where there is none or a wrong one, and resolves with undefined when that is cancelled.
 * @param {string} path @param {unknown} body @returns {Promise<unknown>}
 */
export async function post(path, body) {
  let problem;
  for (;;) {
    const token = storedToken() ?? (await askToken(problem));
    if (token === undefined) return undefined;
    const response = await fetch(path, {
      method: 'POST',
      headers: { ...authorization(token), 'content-type': 'application/json' },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(ACTION_MS),
    });
    const text = await response.text();
    if (response.status !== UNAUTHORISED) {
      storeToken(token);
      if (!response.ok) throw refusedBy(response, text);
      return text === '' ? {} : JSON.parse(text);
    }
    storeToken(undefined);
    problem = 'The service does not take this token.';
  }
}
