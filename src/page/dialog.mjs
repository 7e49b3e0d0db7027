// @ts-check
/** Dialogs: what they have in common, and the question whether something is meant. */
import { h } from './dom.mjs';

/**
 * Shows a dialog until it is closed, and resolves with what it was closed with; Escape is `''`. The focus goes back to where it was.
 * @param {HTMLDialogElement} dialog @returns {Promise<string>}
 */
export async function show(dialog) {
  document.body.append(dialog);
  const closed = new Promise((resolve) => dialog.addEventListener('close', resolve, { once: true }));
  dialog.showModal();
  await closed;
  dialog.remove();
  return dialog.returnValue;
}

/** Leaves a dialog, whatever its fields say. */
export const cancel = (words = 'Cancel') =>
  h('button', { type: 'button', onclick: (/** @type {Event} */ event) => closest(event).close('') }, words);

/** The dialog around what was pressed. @param {Event} event */
const closest = (event) => /** @type {HTMLDialogElement} */ (/** @type {Element} */ (event.currentTarget).closest('dialog'));

/**
 * Whether the operator means it. The focus is on the button that does nothing.
 * @param {string} question @param {string} consequence @param {string} words @returns {Promise<boolean>}
 */
export async function confirm(question, consequence, words) {
  const stay = cancel();
  stay.autofocus = true;
  const dialog = h(
    'dialog',
    { 'aria-labelledby': 'confirm-title', 'aria-describedby': 'confirm-text', class: 'small' },
    h(
      'form',
      { method: 'dialog' },
      h('h2', { id: 'confirm-title' }, question),
      h('p', { id: 'confirm-text' }, consequence),
      h('div', { class: 'buttons' }, stay, h('button', { value: 'yes', class: 'danger' }, words)),
    ),
  );
  return (await show(dialog)) === 'yes';
}
