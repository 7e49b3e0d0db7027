// @ts-check
/** One event as the table that it is. A number in it can be chosen to be plotted at its sensor. */
import { cancel, show } from './dialog.mjs';
import { h, time } from './dom.mjs';
import { count, counted, quantity } from './humane.mjs';
import { cellText, rowKey } from './series.mjs';

/** @import { Event } from './stream.mjs' */

/** Rows that are shown at first. */
const ROWS_MAX = 100;

/** @param {Event} event @param {(sensor: string, type: string, field: string, key: string) => void} choose */
export async function showEvent(event, choose) {
  const { id, type, host, sensor, labels, rows, attributes, fields } = event;
  const region = h('div', { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': `Rows of ${type}` });
  const more = h('button', { type: 'button' }, `Show all ${count(rows)} rows`);
  const filter = h('input', { type: 'search', id: 'row-filter', autocomplete: 'off' });
  const dialog = h('dialog', { 'aria-labelledby': 'event-title', class: 'large' });
  const pick = (/** @type {string} */ field, /** @type {number} */ row) => {
    dialog.close('');
    choose(sensor, type, field, rowKey(event, row));
  };
  let most = ROWS_MAX;
  const fill = () => {
    const wanted = filter.value.toLowerCase();
    const found = Array.from({ length: rows }, (_, row) => row).filter(
      (row) => wanted === '' || rowKey(event, row).toLowerCase().includes(wanted),
    );
    region.replaceChildren(table(event, found.slice(0, most), pick));
    more.hidden = found.length <= most;
  };
  more.addEventListener('click', () => {
    most = Number.POSITIVE_INFINITY;
    fill();
  });
  filter.addEventListener('input', fill);
  const told = Object.entries(labels).map(([name, value]) => `${name}=${value}`);
  const search = h('p', { class: 'inline' }, h('label', { for: 'row-filter' }, 'Rows with'), filter);
  search.hidden = rows < 2 || Object.keys(attributes).length === 0;
  fill();
  dialog.append(
    h('h2', { id: 'event-title' }, type),
    h(
      'p',
      { class: 'note' },
      'Sampled ',
      time(event.time),
      ` by ${sensor} on ${host}; ${counted(rows, 'row')}, ${counted(Object.keys(fields).length, 'number')} each${told.length > 0 ? `; ${told.join(', ')}` : ''}. Choose a number to plot it.`,
    ),
    search,
    region,
    h('p', { class: 'note id' }, id),
    h('div', { class: 'buttons' }, more, cancel('Close')),
  );
  await show(dialog);
}

/** @param {Event} event @param {readonly number[]} rows @param {(field: string, row: number) => void} pick */
function table({ attributes, fields }, rows, pick) {
  const head = (/** @type {string} */ name, /** @type {string} */ kind) => h('th', { scope: 'col', class: kind }, name);
  const names = Object.entries(fields).map(([name, { unit }]) =>
    head(unit === '1' || unit.startsWith('{') ? name : `${name} (${unit})`, 'number'),
  );
  const body = rows.map((row) =>
    h(
      'tr',
      {},
      ...Object.values(attributes).map((cells) => h('td', {}, cellText(cells[row]))),
      ...Object.entries(fields).map(([name, { unit, values }]) => {
        const value = values[row];
        const shown = quantity(value, unit, name);
        if (typeof value !== 'number') return h('td', { class: 'number' }, shown);
        return h(
          'td',
          { class: 'number' },
          h('button', { type: 'button', class: 'cell', title: String(value), onclick: () => pick(name, row) }, shown),
        );
      }),
    ),
  );
  return h(
    'table',
    {},
    h('thead', {}, h('tr', {}, ...Object.keys(attributes).map((name) => head(name, '')), ...names)),
    h('tbody', {}, ...body),
  );
}
