// @ts-check
/** What an operator does: each action sends one request, and says how it ended. */
import { find, h } from './dom.mjs';
import { post } from './service.mjs';

/** How long the outcome of an action is shown, in milliseconds; what failed stays until the next. */
const SHOWN_MS = 8000;

/** @type {ReturnType<typeof setTimeout> | undefined} */
let hiding;

/** @param {string} text @param {boolean} ok */
function say(text, ok) {
  const outcome = find('#outcome');
  clearTimeout(hiding);
  outcome.replaceChildren(h('p', { class: ok ? 'ok' : 'bad' }, text));
  if (ok) hiding = setTimeout(() => outcome.replaceChildren(), SHOWN_MS);
}

export class Actions {
  /** @type {() => void} */
  #onDone;

  /** @param {() => void} onDone */
  constructor(onDone) {
    this.#onDone = onDone;
  }

  /**
   * Sends an action and says how it ended; resolves with its answer, or undefined where it was cancelled or failed.
   * @param {string} path @param {unknown} body @param {string} doing `pause broker` @param {(answer: any) => string} done
   * @returns {Promise<unknown>}
   */
  async send(path, body, doing, done) {
    try {
      const answer = await post(path, body);
      if (answer === undefined) return undefined;
      say(done(answer), true);
      this.#onDone();
      return answer;
    } catch (error) {
      say(`Could not ${doing}: ${/** @type {Error} */ (error).message}`, false);
      return undefined;
    }
  }

  /** @param {string} sink @param {string} what @param {unknown} body @param {string} doing @param {(answer: any) => string} done */
  async toSink(sink, what, body, doing, done) {
    return await this.send(`/api/sinks/${encodeURIComponent(sink)}/${what}`, body, doing, done);
  }
}
