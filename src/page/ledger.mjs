// @ts-check
/** The account of a sink: where each event that it took is now, as a bar and in numbers. */
import { h, setText } from './dom.mjs';
import { count, counted } from './humane.mjs';

/** @import { SinkView } from '../http/view.ts' */
/** @typedef {SinkView['ledger']} Ledger */

/** @type {readonly [string, string, (ledger: Ledger) => number, boolean][]} Key, words, number, whether it is told when it is zero. */
const PLACES = [
  ['delivered', 'delivered', (ledger) => ledger.delivered, true],
  ['flight', 'in flight', (ledger) => ledger.in_flight, false],
  ['memory', 'in memory', (ledger) => ledger.queued, true],
  ['disk', 'on disk', (ledger) => ledger.spooled, false],
  ['dead', 'dead letters', (ledger) => ledger.dead_lettered, false],
  ['dropped', 'given up', (ledger) => droppedOf(ledger), true],
];

/** @param {Ledger} ledger */
const droppedOf = ({ dropped }) => Object.values(dropped).reduce((sum, events) => sum + events, 0);

/** A share that is there is seen, however small it is, in per cent of the bar. */
const SEEN = 1.5;

export class LedgerPart {
  node = h('div', { class: 'ledger' });
  #title = h('p', { class: 'title' });
  #parts = PLACES.map(([key, words, of, always]) => {
    const bar = h('span', { class: key });
    const number = h('dd');
    const row = h('div', { class: key }, h('dt', {}, h('span', { class: `swatch ${key}` }), words), number);
    return { bar, number, row, of, always };
  });
  #reasons = h('p', { class: 'note' });

  constructor() {
    const bar = h('div', { class: 'bar', 'aria-hidden': 'true' }, ...this.#parts.map((part) => part.bar));
    this.node.append(this.#title, bar, h('dl', {}, ...this.#parts.map(({ row }) => row)), this.#reasons);
  }

  /** @param {Ledger} ledger */
  update(ledger) {
    const total = ledger.published;
    setText(this.#title, `${counted(total, 'event')} taken since the start`);
    for (const { bar, number, row, of, always } of this.#parts) {
      const events = of(ledger);
      row.hidden = events === 0 && !always;
      setText(number, count(events));
      // Grown by its share, and never too small to be seen.
      bar.hidden = events === 0;
      bar.style.flexGrow = String(events === 0 || total === 0 ? 0 : Math.max(SEEN, (100 * events) / total));
    }
    const reasons = Object.entries(ledger.dropped).filter(([, events]) => events > 0);
    this.#reasons.hidden = reasons.length === 0;
    setText(
      this.#reasons,
      `Given up because: ${reasons.map(([reason, events]) => `${reason.replaceAll('_', ' ')} ${count(events)}`).join(', ')}.`,
    );
  }
}
