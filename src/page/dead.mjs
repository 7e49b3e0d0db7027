// @ts-check
/** The dead letters of a sink: what the destination refused for good and why; to be sent again or given up, all or some. */
import { cancel, confirm, show } from './dialog.mjs';
import { h, time } from './dom.mjs';
import { bytes, counted } from './humane.mjs';
import { getDead } from './service.mjs';

/** @import { Actions } from './actions.mjs' */
/** @import { DeadLetter } from './service.mjs' */

/** As many as are shown; actions on all mean all that there are. */
const SHOWN_MAX = 200;

/** @param {string} sink @param {number} total @param {Actions} actions @param {boolean} allowed Whether there is a token for actions. */
export async function showDead(sink, total, actions, allowed) {
  const body = h('div', { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': 'Dead letters' }, h('p', {}, 'Asking …'));
  const note = h('p', { class: 'note' });
  const retry = h('button', { type: 'button', class: 'main' });
  const discard = h('button', { type: 'button', class: 'danger' });
  const dialog = h(
    'dialog',
    { 'aria-labelledby': 'dead-title', class: 'large' },
    h('h2', { id: 'dead-title' }, `Dead letters of ${sink}`),
    note,
    body,
    h('div', { class: 'buttons' }, cancel('Close'), allowed && retry, allowed && discard),
  );
  const chosen = () =>
    [...body.querySelectorAll('input:checked')].map((box) => Number(/** @type {HTMLInputElement} */ (box).value));
  const which = () => {
    const numbers = chosen();
    return numbers.length > 0
      ? { numbers, words: counted(numbers.length, 'dead letter') }
      : { numbers: 'all', words: `all ${counted(total, 'dead letter')}` };
  };
  const label = () => {
    retry.textContent = `Send ${which().words} again`;
    discard.textContent = `Give up ${which().words} …`;
  };
  label();
  body.addEventListener('change', label);
  const send = async () => {
    const { numbers, words } = which();
    const done = (/** @type {{ events?: number }} */ { events }) =>
      `${events ?? words} of the dead letters of ${sink} sent again.`;
    const answer = await actions.toSink(sink, 'dead/retry', { numbers }, `send ${words} of ${sink} again`, done);
    if (answer !== undefined) dialog.close('');
  };
  const giveUp = async () => {
    const { numbers, words } = which();
    const consequence = `They were never delivered to ${sink}, and cannot be brought back.`;
    if (!(await confirm(`Give up ${words} of ${sink}?`, consequence, `Give up ${words}`))) return;
    const done = (/** @type {{ events?: number }} */ { events }) => `${events ?? words} of the dead letters of ${sink} given up.`;
    const answer = await actions.toSink(sink, 'dead/discard', { numbers }, `give up ${words} of ${sink}`, done);
    if (answer !== undefined) dialog.close('');
  };
  retry.addEventListener('click', () => void send());
  discard.addEventListener('click', () => void giveUp());
  const shown = show(dialog);
  try {
    const letters = await getDead(sink, SHOWN_MAX);
    note.textContent =
      total > letters.length
        ? `The first ${letters.length} of ${total}. Without a choice, an action means all.`
        : 'Without a choice, an action means all.';
    body.replaceChildren(table(letters));
  } catch (error) {
    body.replaceChildren(
      h('p', { class: 'problem', role: 'alert' }, `They cannot be shown: ${/** @type {Error} */ (error).message}`),
    );
  }
  await shown;
}

/** @param {readonly DeadLetter[]} letters */
const table = (letters) =>
  h(
    'table',
    {},
    h(
      'thead',
      {},
      h('tr', {}, ...['Number', 'Refused', 'Type', 'Sensor', 'Size', 'Why'].map((head) => h('th', { scope: 'col' }, head))),
    ),
    h('tbody', {}, ...letters.map(row)),
  );

/** @param {DeadLetter} letter */
function row({ number, rejected, time: sampled, type, sensor, bytes: size, reason }) {
  const box = h('input', { type: 'checkbox', value: number });
  return h(
    'tr',
    {},
    h('td', {}, h('label', {}, box, ` ${number}`)),
    h('td', {}, time(rejected ?? sampled)),
    h('td', {}, type),
    h('td', {}, sensor),
    h('td', { class: 'number' }, bytes(size)),
    h('td', {}, reason ?? ''),
  );
}
