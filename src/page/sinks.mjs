// @ts-check
/** The sinks, a card each: how it is, what it does about it, its account, its plot, and what can be done. */
import { showDead } from './dead.mjs';
import { confirm } from './dialog.mjs';
import { anchor, find, h, keyed, mark, now, setAttribute, setChildren, setMark, setText, time, timeToCome } from './dom.mjs';
import { bytes, count, counted, duration, perSecond, placeOf, rate, shortDuration } from './humane.mjs';
import { LedgerPart } from './ledger.mjs';
import { Plot } from './plot.mjs';

/** @import { HistoryView, SinkView, StatusView } from '../http/view.ts' */
/** @import { Actions } from './actions.mjs' */
/** @import { Child } from './dom.mjs' */

const CONDITIONS = { well: 'Well', degraded: 'Degraded', failing: 'Failing' };
const STATES = { idle: 'has nothing to do', sending: 'is sending', waiting: 'waits to try again', stopped: 'is stopped' };

/** What it is doing, in a sentence. @param {SinkView} sink */
function sentence({ condition, state, paused, breaker, drain, type }) {
  const doing = paused
    ? 'is paused by an operator; events are kept until it resumes'
    : breaker?.blocked !== undefined
      ? `waits as the broker asked: ${breaker.blocked}`
      : breaker && breaker.state === 'half_open'
        ? 'tries whether the broker is back'
        : breaker && breaker.state === 'open'
          ? 'cannot reach the broker'
          : drain?.active
            ? 'is delivering what waited'
            : STATES[state];
  return `${CONDITIONS[condition]}: ${type === 'console' ? 'the console' : 'it'} ${doing}.`;
}

/** Facts that there are to tell, as words and what to say. @param {SinkView} sink @returns {[string, Child[]][]} */
function facts(sink) {
  const { breaker, spool, drain, latency, queue, failures, failingSince, lateAnswers, rates } = sink;
  /** @type {[string, Child[]][]} */
  const rows = [['Rate', [`${perSecond(rates.in)} in, ${perSecond(rates.out)} out, events/s`]]];
  if (breaker && breaker.state !== 'closed') {
    rows.push([
      'Broker',
      [breaker.state === 'open' ? 'cut off' : 'being tried', ...(breaker.since ? [' since ', time(breaker.since)] : [])],
    ]);
    if (breaker.nextProbe !== undefined) rows.push(['Next try', [timeToCome(now() + breaker.nextProbe)]]);
  }
  if (failures > 0)
    rows.push(['Failures in a row', [count(failures), ...(failingSince ? [', the first ', time(failingSince)] : [])]]);
  if (lateAnswers > 0) rows.push(['Late answers', [count(lateAnswers)]]);
  rows.push([
    'In memory',
    [`${counted(queue.events, 'event')}, ${bytes(queue.bytes)}${queue.maxBytes ? ` of ${bytes(queue.maxBytes)}` : ''}`],
  ]);
  if (spool) {
    rows.push([
      'On disk',
      [
        `${counted(spool.events, 'event')}, ${bytes(spool.bytes)} of ${bytes(spool.maxBytes)}${spool.ready ? '' : '; still being read'}`,
      ],
    ]);
    if (spool.oldest !== undefined && spool.events > 0) rows.push(['Oldest on disk', [time(spool.oldest)]]);
  }
  if (drain && (drain.active || (spool && spool.events > 0))) {
    rows.push([
      drain.active ? 'Draining' : 'Will drain',
      [`at most ${rate(drain.rate.events)}${drain.rate.bytes > 0 ? `, ${bytes(drain.rate.bytes)}/s` : ''}`],
    ]);
    if (drain.left !== undefined) rows.push(['Empty', [`in ${duration(drain.left)}`]]);
  }
  if (latency)
    rows.push([
      'From sample to confirmed',
      [`half within ${shortDuration(latency.p50)}, 99 % within ${shortDuration(latency.p99)}`],
    ]);
  return rows;
}

class SinkPart {
  node = h('article', { class: 'card', tabindex: '-1' });
  /** @type {Actions} */
  #actions;
  /** @type {SinkView} */
  #sink;
  #allowed = false;
  #mark = mark('well');
  #sentence = h('p', { class: 'sentence' });
  #reason = h('p', { class: 'reason' });
  #destination = h('p', { class: 'destination' });
  #facts = h('dl', { class: 'facts' });
  #meter = h('meter', { min: 0, max: 1, high: 0.75, low: 0.5, optimum: 0 });
  #ledger = new LedgerPart();
  #plot = new Plot();
  #pause = h('button', { type: 'button' });
  #probe = h('button', { type: 'button' }, 'Try now');
  #dead = h('button', { type: 'button' });
  #drain = h('form', { class: 'inline' });
  #discard = h('button', { type: 'button' }, 'Give up what is on disk …');
  #buttons = h('div', { class: 'buttons' });

  /** @param {SinkView} sink @param {Actions} actions */
  constructor(sink, actions) {
    this.#sink = sink;
    this.#actions = actions;
    const { name } = sink;
    const id = anchor('sink', name);
    this.node.id = id;
    setAttribute(this.node, 'aria-labelledby', `${id}-title`);
    this.#meter.setAttribute('aria-label', `How full the disk space of ${name} is`);
    this.#makeDrain(name);
    this.#pause.addEventListener('click', () => void this.#togglePause());
    this.#probe.addEventListener(
      'click',
      () => void actions.toSink(name, 'probe', {}, `try ${name}`, () => `${name} tries its broker now.`),
    );
    this.#dead.addEventListener('click', () => void showDead(name, this.#sink.deadLetters?.events ?? 0, actions, this.#allowed));
    this.#discard.addEventListener('click', () => void this.#giveUp());
    this.#buttons.append(this.#pause, this.#probe, this.#dead, this.#discard, this.#drain);
    const head = h('header', {}, this.#mark, h('h3', { id: `${id}-title` }, name), this.#destination);
    const left = h('div', { class: 'left' }, this.#facts, this.#meter, this.#ledger.node);
    this.node.append(head, this.#sentence, this.#reason, h('div', { class: 'two' }, left, this.#plot.node), this.#buttons);
  }

  /** @param {string} name */
  #makeDrain(name) {
    const field = (/** @type {string} */ unit, /** @type {string} */ pattern, /** @type {string} */ title) => {
      const id = `${anchor(`drain-${unit}`, name)}`;
      const about = {
        id,
        name: unit,
        size: 8,
        autocomplete: 'off',
        placeholder: 'configured',
        pattern: ` *(auto|${pattern}) *`,
        title,
      };
      const input = h('input', about);
      this.#drain.append(h('label', { for: id }, `Drain, ${unit}/s`), input);
      return input;
    };
    const events = field('events', '[1-9][0-9]*', 'auto, or events a second; nothing: as configured');
    const size = field('bytes', '[0-9.]+ *([KMGT]i?)?B?', 'auto, or bytes a second, such as 4MiB; nothing: as configured');
    this.#drain.append(h('button', {}, 'Set'));
    this.#drain.addEventListener('submit', (event) => {
      event.preventDefault();
      const [most, bytes] = [events.value.trim(), size.value.trim()];
      const body = {
        ...(most !== '' && { rate: most === 'auto' ? most : Number(most) }),
        ...(bytes !== '' && { byte_rate: bytes }),
      };
      const words = (/** @type {string} */ value, /** @type {string} */ limit) =>
        value === '' ? 'as configured' : value === 'auto' ? 'at a rate that it finds itself' : `at most ${limit}`;
      const done = () =>
        `${name} now drains: events ${words(most, rate(Number(most)))}, bytes ${words(bytes, `${bytes}/s`)}. This holds until the next reload.`;
      void this.#actions.toSink(name, 'drain', body, `set the drain of ${name}`, done);
    });
  }

  async #giveUp() {
    const { name, spool } = this.#sink;
    const words = `${counted(spool?.events ?? 0, 'event')} on disk`;
    const consequence = `They were not delivered to ${name}, and cannot be brought back. Whoever reads there is told how many are missing. What is being sent at this moment stays.`;
    if (!(await confirm(`Give up ${words}?`, consequence, `Give up ${words}`))) return;
    const done = (/** @type {{ events?: number }} */ { events }) => `${counted(events ?? 0, 'event')} of ${name} given up.`;
    await this.#actions.toSink(name, 'spool/discard', { numbers: 'all' }, `give up ${words} of ${name}`, done);
  }

  async #togglePause() {
    const { name, paused } = this.#sink;
    const what = paused ? 'resume' : 'pause';
    await this.#actions.toSink(name, what, {}, `${what} ${name}`, () =>
      paused ? `${name} delivers again.` : `${name} is paused. Its events are kept, on disk when memory is full.`,
    );
  }

  /** @param {{ sink: SinkView, actions: boolean }} item */
  update({ sink, actions }) {
    this.#sink = sink;
    this.#allowed = actions;
    setAttribute(this.node, 'class', `card ${sink.condition}`);
    setMark(this.#mark, sink.paused ? 'paused' : sink.condition);
    setText(this.#sentence, sentence(sink));
    this.#reason.hidden = sink.reason === undefined && sink.spool?.reason === undefined;
    setText(this.#reason, [sink.reason, sink.spool?.reason && `disk: ${sink.spool.reason}`].filter(Boolean).join('; '));
    setText(this.#destination, [sink.type, placeOf(sink)].filter(Boolean).join(', to '));
    setChildren(this.#facts, ...facts(sink).map(([words, told]) => h('div', {}, h('dt', {}, words), h('dd', {}, ...told))));
    this.#meter.hidden = sink.spool === undefined;
    if (sink.spool) {
      const share = sink.spool.maxBytes > 0 ? sink.spool.bytes / sink.spool.maxBytes : 0;
      this.#meter.value = Math.min(1, share);
      this.#meter.title = `${bytes(sink.spool.bytes)} of ${bytes(sink.spool.maxBytes)}`;
    }
    this.#ledger.update(sink.ledger);
    this.#plot.add({ in: sink.rates.in, out: sink.rates.out, waiting: sink.ledger.queued + sink.ledger.spooled });
    this.#updateButtons(sink, actions);
  }

  /** @param {SinkView} sink @param {boolean} actions */
  #updateButtons(sink, actions) {
    const dead = sink.deadLetters?.events ?? 0;
    const delivers = sink.breaker !== undefined;
    this.#pause.hidden = this.#drain.hidden = !(delivers && actions);
    this.#probe.hidden = !(delivers && actions && (sink.breaker?.state !== 'closed' || sink.state === 'waiting'));
    this.#dead.hidden = dead === 0;
    this.#discard.hidden = !(actions && (sink.spool?.events ?? 0) > 0);
    this.#buttons.hidden = [...this.#buttons.children].every((child) => /** @type {HTMLElement} */ (child).hidden);
    setText(this.#pause, sink.paused ? `Resume ${sink.name}` : `Pause ${sink.name}`);
    setText(this.#dead, `${counted(dead, 'dead letter')} …`);
  }

  /** @param {HistoryView} history */
  history({ end, step, sinks }) {
    const lines = sinks[this.#sink.name];
    if (lines) this.#plot.history(end, step, lines);
  }
}

export class Sinks {
  #cards = /** @type {HTMLElement} */ (find('#sinks').querySelector('.cards'));
  #note = find('#actions-off');
  /** @type {Map<string, SinkPart>} */
  #parts = new Map();
  /** @type {Actions} */
  #actions;

  /** @param {Actions} actions */
  constructor(actions) {
    this.#actions = actions;
  }

  /** @param {StatusView} status */
  update({ sinks, actions }) {
    const rank = { failing: 0, degraded: 1, well: 2 };
    const items = sinks.map((sink) => ({ sink, actions })).sort((a, b) => rank[a.sink.condition] - rank[b.sink.condition]);
    keyed(
      this.#cards,
      this.#parts,
      items,
      ({ sink }) => sink.name,
      ({ sink }) => new SinkPart(sink, this.#actions),
    );
    this.#note.hidden = actions && sinks.length > 0;
    setText(
      this.#note,
      sinks.length === 0
        ? 'No sink is configured: what the sensors see goes nowhere.'
        : 'Nothing can be changed from here: the configuration has no token for actions.',
    );
  }

  /** @param {HistoryView} history */
  history(history) {
    for (const part of this.#parts.values()) part.history(history);
  }
}
