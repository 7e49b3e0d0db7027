// @ts-check
/**
 * The events of the service as they are published, which it sends as server-sent events.
 *
 * They are read with `fetch`, because an EventSource can present no token, and does not say why it was refused. After a break or a refusal
 * this connects again, RETRY_MS later. While the page is hidden there is no connection.
 */
import { ask, Refused, refusedBy } from './service.mjs';

/**
 * An event as JSON has it, format 1. Numbers that JSON has no words for are text.
 * @typedef {null | number | string} Value
 * @typedef {{ kind: string, unit: string, values: Value[] }} Field
 * @typedef {object} Event
 * @property {string} id
 * @property {string} type
 * @property {number} time
 * @property {string} host
 * @property {string} sensor
 * @property {Record<string, string>} labels
 * @property {number} rows
 * @property {Record<string, (string | Record<string, string>)[]>} attributes
 * @property {Record<string, Field>} fields
 */
/**
 * @typedef {object} Receiver
 * @property {(event: Event) => void} onEvent
 * @property {(events: number) => void} onMissed
 * @property {(problem: string | undefined) => void} onState Undefined when it is connected.
 */

const RETRY_MS = 5000;

export class Stream {
  /** @type {Receiver} */
  #receiver;
  #cut = new AbortController();
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  #match = '';
  #wanted = false;
  #broken = false;

  /** @param {Receiver} receiver */
  constructor(receiver) {
    this.#receiver = receiver;
  }

  /** Whether it is to be connected. @param {boolean} wanted */
  want(wanted) {
    if (wanted === this.#wanted) return;
    this.#wanted = wanted;
    this.#connect();
  }

  /** Which types are to be sent; empty is all. @param {string} pattern */
  match(pattern) {
    if (pattern === this.#match) return;
    this.#match = pattern;
    this.#connect();
  }

  /** Connects at once where it would only later. */
  hurry() {
    if (this.#broken && this.#wanted) this.#connect();
  }

  #connect() {
    this.#broken = false;
    clearTimeout(this.#timer);
    this.#cut.abort();
    this.#cut = new AbortController();
    if (this.#wanted) void this.#read(this.#cut.signal);
  }

  /** @param {AbortSignal} signal */
  async #read(signal) {
    let problem = 'The connection for events broke; the page connects again.';
    try {
      const response = await ask(
        `/api/events${this.#match === '' ? '' : `?${new URLSearchParams({ match: this.#match })}`}`,
        signal,
      );
      if (!response.ok || !response.body) throw refusedBy(response, await response.text());
      this.#receiver.onState(undefined);
      await this.#follow(response.body);
    } catch (error) {
      if (error instanceof Refused) problem = `The service does not send events: ${error.message}.`;
    }
    if (signal.aborted) return;
    this.#broken = true;
    this.#receiver.onState(problem);
    this.#timer = setTimeout(() => this.#connect(), RETRY_MS);
  }

  /** @param {ReadableStream<Uint8Array<ArrayBuffer>>} body */
  async #follow(body) {
    const reader = body.pipeThrough(new TextDecoderStream()).getReader();
    let text = '';
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      text += value;
      const blocks = text.split('\n\n');
      text = /** @type {string} */ (blocks.pop());
      for (const block of blocks) this.#take(block);
    }
  }

  /** One message: lines of `name: value`. @param {string} block */
  #take(block) {
    let [name, data] = ['event', ''];
    for (const line of block.split('\n')) {
      if (line.startsWith('event: ')) name = line.slice('event: '.length);
      else if (line.startsWith('data: ')) data += line.slice('data: '.length);
    }
    if (data === '') return;
    if (name === 'missed') this.#receiver.onMissed(/** @type {{ events: number }} */ (JSON.parse(data)).events);
    else this.#receiver.onEvent(/** @type {Event} */ (JSON.parse(data)));
  }
}
