// @ts-check
/**
 * The first thing on the page: whether all is well, and if not, what, since when, and what is being done about it.
 *
 * The headline alone is announced to those who hear the page, so it has nothing in it that changes while things stay as they are.
 */
import { anchor, find, h, keyed, mark, now, setAttribute, setChildren, setMark, setText, time } from './dom.mjs';
import { bytes, clock, counted, duration, listed, percent, perSecond } from './humane.mjs';
import { POLL_MS } from './service.mjs';

/** @import { Finding, StatusView } from '../http/view.ts' */
/** @import { Gone } from './service.mjs' */

const WORDS = { well: 'All is well', degraded: 'Degraded', failing: 'Failing' };
/** Which mark each has. */
const MARKS = { well: 'well', degraded: 'degraded', failing: 'failing', gone: 'failing' };
/** The marks as pictures for the tab: colour, shape, sign. They are here, because a service that is gone sends none. */
const ICONS = {
  well: ['0a6b3d', 'M32 16A16 16 0 110 16a16 16 0 0132 0z', 'M8 16.4l5.6 5.8L24 10.8'],
  degraded: ['a86400', 'M16 1 31.6 30H.4z', 'M16 12v8.6M16 25v.6'],
  failing: ['b3141d', 'M9.4 0h13.2L32 9.4v13.2L22.6 32H9.4L0 22.6V9.4z', 'M10 10l12 12M22 10 10 22'],
};

/** @param {keyof typeof ICONS} condition */
function iconOf(condition) {
  const [colour, shape, sign] = ICONS[condition];
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><path fill="#${colour}" d="${shape}"/><path fill="none" stroke="#fff" stroke-width="3.6" stroke-linecap="round" stroke-linejoin="round" d="${sign}"/></svg>`;
  return `data:image/svg+xml,${encodeURIComponent(svg)}`;
}

/** How things are with a sink or sensor by what is found about it. @param {StatusView} status @param {string} subject */
export const conditionOf = (status, subject) =>
  status.findings.find((finding) => finding.subject === subject)?.condition ?? 'well';

/** The sentence over all findings. @param {StatusView} status */
function headline({ condition, findings }) {
  if (condition === 'well') return `${WORDS.well}.`;
  const about = (/** @type {'failing' | 'degraded'} */ which) => {
    // What fails is not told again for what else is wrong with it.
    const worst = (/** @type {string} */ subject) => findings.find((one) => one.subject === subject)?.condition;
    const subjects = new Set(findings.map(({ subject }) => subject).filter((subject) => worst(subject) === which));
    return subjects.size > 0 ? [`${WORDS[which]}: ${listed([...subjects])}.`] : [];
  };
  return [...about('failing'), ...about('degraded')].join(' ') || `${WORDS[condition]}.`;
}

/** What goes on, in one line. @param {StatusView} status */
function summary({ sensors, sinks }) {
  const sampling = sensors.filter(({ state }) => state === 'sampling').length;
  const sum = (/** @type {(sink: StatusView['sinks'][number]) => number} */ of) =>
    sinks.reduce((total, sink) => total + of(sink), 0);
  const waiting = sum(({ ledger }) => ledger.queued + ledger.spooled);
  const lost = sum(({ ledger }) => Object.values(ledger.dropped).reduce((total, events) => total + events, 0));
  const dead = sum(({ ledger }) => ledger.dead_lettered);
  const parts = [
    sensors.length === 0
      ? 'There is no sensor'
      : sampling === sensors.length
        ? `${counted(sensors.length, 'sensor samples', 'sensors sample')}`
        : `${sampling} of ${counted(sensors.length, 'sensor samples', 'sensors sample')}`,
    sinks.length === 0
      ? 'there is no sink'
      : `${counted(sinks.length, 'sink delivers', 'sinks deliver')} ${perSecond(sum(({ rates }) => rates.out))} events/s`,
    waiting === 0 ? 'nothing waits' : `${counted(waiting, 'event waits', 'events wait')}`,
    lost === 0 ? 'nothing was given up' : `${counted(lost, 'event was given up', 'events were given up')} since the start`,
  ];
  if (dead > 0) parts.push(counted(dead, 'dead letter is kept', 'dead letters are kept'));
  return `${parts.join(', ')}.`;
}

/** One finding as a line of the list. */
class FindingPart {
  node = h('li');
  #mark = mark('degraded');
  #word = h('strong', { class: 'word' });
  #text = h('span', { class: 'text' });
  #since = h('span', { class: 'since' });
  #link = h('a');

  constructor() {
    this.node.append(this.#mark, h('p', {}, this.#word, ' ', this.#text, ' ', this.#since, ' ', this.#link));
  }

  /** @param {Finding} finding */
  update({ condition, subject, text, since }) {
    setAttribute(this.node, 'class', condition);
    setMark(this.#mark, condition);
    setText(this.#word, `${subject.charAt(0).toUpperCase()}${subject.slice(1)}:`);
    setText(this.#text, text);
    setChildren(this.#since, ...(since === undefined ? [] : ['(began ', time(since), ')']));
    const [kind = '', ...name] = subject.split(' ');
    const known = kind === 'sink' || kind === 'sensor';
    this.#link.hidden = !known;
    setAttribute(this.#link, 'href', known ? `#${anchor(kind, name.join(' '))}` : '#verdict');
    setText(this.#link, `Show ${subject}`);
  }
}

export class Verdict {
  #section = find('#verdict');
  #headline = find('#headline');
  #mark = /** @type {Element} */ (document.querySelector('#verdict .headline .mark'));
  #findings = find('#findings');
  #summary = find('#summary');
  #about = find('#about');
  /** @type {Map<string, FindingPart>} */
  #parts = new Map();
  /** @type {StatusView | undefined} */
  #last;

  /** @param {StatusView} status */
  update(status) {
    this.#last = status;
    this.#show(status.condition, headline(status));
    const seen = new Map();
    const findings = status.findings.map((finding) => {
      const nth = (seen.get(finding.subject) ?? 0) + 1;
      seen.set(finding.subject, nth);
      return { finding, key: `${finding.subject} ${nth}` };
    });
    const wrap = () => {
      const part = new FindingPart();
      return { node: part.node, update: (/** @type {{ finding: Finding }} */ { finding }) => part.update(finding) };
    };
    keyed(this.#findings, /** @type {Map<string, any>} */ (this.#parts), findings, ({ key }) => key, wrap);
    setText(this.#summary, summary(status));
    setText(find('#host'), status.service.host);
    const { process } = status;
    setChildren(
      this.#about,
      `version ${status.service.version}, started `,
      time(status.service.started),
      `, ${percent(process.cpu)} of a core, ${bytes(process.rss)}, loop late by ${duration(process.loopDelay)}`,
      process.descriptors !== undefined && `, ${counted(process.descriptors, 'open file')}`,
    );
  }

  /** The service does not answer, or not without a token. @param {Gone} gone @param {() => void} unlock */
  gone({ since, why, known, locked }, unlock) {
    const host = this.#last ? ` on ${this.#last.service.host}` : '';
    const at = clock(since, Date.now());
    if (locked) {
      this.#show('gone', `tidegate${host} asks for its token.`);
      // Drawn once: what is drawn again loses the focus.
      if (!this.#summary.querySelector('button')) {
        setChildren(
          this.#summary,
          'Nothing is shown to other machines without it. ',
          h('button', { type: 'button', onclick: unlock }, 'Enter the token'),
        );
      }
      return;
    }
    this.#show('gone', known ? `tidegate${host} has not answered since ${at}.` : `tidegate does not answer; asked since ${at}.`);
    for (const part of this.#parts.values()) part.node.remove();
    this.#parts.clear();
    // The clock of the service is not asked for what happens here.
    const moment = time(since + (now() - Date.now()));
    setChildren(
      this.#summary,
      known ? 'The last answer came ' : 'It was first asked ',
      moment,
      `: ${why}. The page asks again every ${duration(POLL_MS)}. `,
      known && 'What is shown below is from then, and may be otherwise now.',
    );
  }

  /** @param {keyof typeof MARKS} condition @param {string} sentence */
  #show(condition, sentence) {
    setAttribute(this.#section, 'class', `verdict ${MARKS[condition]}`);
    setMark(this.#mark, MARKS[condition]);
    setText(this.#headline, sentence);
    document.body.classList.toggle('gone', condition === 'gone');
    const host = this.#last ? ` · ${this.#last.service.host}` : '';
    document.title = `${sentence.replace(/\.$/, '')}${host} · tidegate`;
    const icon = iconOf(/** @type {keyof typeof ICONS} */ (MARKS[condition]));
    setAttribute(/** @type {Element} */ (document.querySelector('link[rel=icon]')), 'href', icon);
  }
}
