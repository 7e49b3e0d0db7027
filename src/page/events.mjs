// @ts-check
/**
 * Events as they are published, the newest first, with a filter that the service applies.
 *
 * Limits: SHOWN_MAX lines, drawn every DRAW_MS at most; what comes between is kept up to SHOWN_MAX, and counted. States: live, held (the
 * operator holds the list; events go on being counted).
 */
import { find, h, setText, time } from './dom.mjs';
import { showEvent } from './event-table.mjs';
import { count, counted, quantity } from './humane.mjs';

/** @import { Event } from './stream.mjs' */

const SHOWN_MAX = 60;
const DRAW_MS = 1000;
/** How long typing rests before the service is asked, in milliseconds. */
const TYPING_MS = 400;
/** Numbers that a line tells. */
const NUMBERS_MAX = 3;

/** @typedef {{ onMatch(pattern: string): void, onChoose(sensor: string, type: string, field: string, key: string): void }} EventsParts */

export class Events {
  #panel = /** @type {HTMLElement} */ (find('#events').querySelector('.panel'));
  #filter = h('input', {
    type: 'search',
    id: 'filter',
    autocomplete: 'off',
    spellcheck: 'false',
    placeholder: 'system.disk*',
    'aria-describedby': 'filter-help',
  });
  #hold = h('button', { type: 'button', 'aria-pressed': 'false' }, 'Hold');
  #state = h('p', { class: 'note', id: 'events-state' });
  #body = h('tbody');
  /** Not drawn yet, the newest last. @type {Event[]} */
  #fresh = [];
  #counts = { seen: 0, missed: 0, held: 0 };
  /** @type {string | undefined} */
  #problem;
  #held = false;
  #drawn = 0;
  #scheduled = false;
  /** @type {EventsParts} */
  #parts;

  /** @param {EventsParts} parts */
  constructor(parts) {
    this.#parts = parts;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    let typing;
    const apply = () => {
      clearTimeout(typing);
      this.#apply();
    };
    this.#filter.addEventListener('input', () => {
      clearTimeout(typing);
      typing = setTimeout(apply, TYPING_MS);
    });
    const form = h(
      'form',
      { class: 'inline', onsubmit: (/** @type {SubmitEvent} */ event) => (event.preventDefault(), apply()) },
      h('label', { for: 'filter' }, 'Types'),
      this.#filter,
      this.#hold,
      h('span', { id: 'filter-help', class: 'note' }, 'A type, or a pattern with *'),
    );
    this.#hold.addEventListener('click', () => this.#toggle());
    const heads = ['Sampled', 'Type', 'Sensor', 'Rows', 'Numbers'].map((head) =>
      h('th', { scope: 'col', class: head.toLowerCase() }, head),
    );
    const table = h('table', { 'aria-describedby': 'events-state' }, h('thead', {}, h('tr', {}, ...heads)), this.#body);
    this.#panel.append(
      form,
      this.#state,
      h('div', { class: 'scroll events', tabindex: '0', role: 'region', 'aria-label': 'Events' }, table),
    );
    this.#tell();
  }

  #apply() {
    this.#body.replaceChildren();
    this.#fresh = [];
    this.#counts = { seen: 0, missed: 0, held: 0 };
    this.#tell();
    this.#parts.onMatch(this.#filter.value.trim());
  }

  #toggle() {
    this.#held = !this.#held;
    this.#hold.setAttribute('aria-pressed', String(this.#held));
    setText(this.#hold, this.#held ? 'Go on' : 'Hold');
    this.#counts.held = 0;
    this.#schedule();
  }

  /** @param {Event} event */
  add(event) {
    this.#counts.seen++;
    if (this.#held) this.#counts.held++;
    this.#fresh.push(event);
    if (this.#fresh.length > SHOWN_MAX) this.#fresh.shift();
    this.#schedule();
  }

  /** Events that the service did not send, because they came too fast. @param {number} events */
  missed(events) {
    this.#counts.missed += events;
    this.#schedule();
  }

  /** @param {string | undefined} problem */
  state(problem) {
    this.#problem = problem;
    this.#tell();
  }

  #schedule() {
    if (this.#scheduled) return;
    this.#scheduled = true;
    const wait = Math.max(0, DRAW_MS - (performance.now() - this.#drawn));
    setTimeout(() => {
      this.#scheduled = false;
      this.#drawn = performance.now();
      this.#draw();
    }, wait);
  }

  #draw() {
    this.#tell();
    if (this.#held) return;
    this.#body.prepend(...this.#fresh.reverse().map((event) => this.#line(event)));
    this.#fresh = [];
    const lines = [...this.#body.children];
    // The line that has the focus stays as long as it has it.
    for (const line of lines.slice(SHOWN_MAX)) if (!line.contains(document.activeElement)) line.remove();
  }

  /** @param {Event} event */
  #line(event) {
    const { type, sensor, rows, fields } = event;
    const numbers = Object.entries(fields)
      .slice(0, NUMBERS_MAX)
      .map(([name, { unit, values }]) => `${name} ${quantity(values[0], unit, name)}`);
    const open = () => showEvent(event, this.#parts.onChoose);
    return h(
      'tr',
      {},
      h('td', {}, time(event.time)),
      h('td', {}, h('button', { type: 'button', class: 'link', 'aria-label': `${type}: show as a table`, onclick: open }, type)),
      h('td', {}, sensor),
      h('td', { class: 'number' }, count(rows)),
      h('td', { class: 'numbers' }, rows === 1 ? numbers.join(', ') : rows === 0 ? 'no rows' : `${numbers.join(', ')}, …`),
    );
  }

  #tell() {
    const { seen, missed, held } = this.#counts;
    const parts = [
      this.#problem ??
        (seen === 0
          ? 'Waiting for the first event.'
          : `${counted(seen, 'event')} since this page was opened or the filter changed.`),
    ];
    if (missed > 0)
      parts.push(`${counted(missed, 'event')} came faster than the page is sent, and is not shown; the sinks got all.`);
    if (this.#held) parts.push(`Held; ${counted(held, 'event')} came since.`);
    setText(this.#state, parts.join(' '));
  }
}
