// @ts-check
/** The token of the configuration: asked for once, and kept until the tab is closed. */
import { cancel, show } from './dialog.mjs';
import { h } from './dom.mjs';

/** Under which name it is kept. */
const KEY = 'tidegate.token';

export const storedToken = () => sessionStorage.getItem(KEY) ?? undefined;

/** @param {string | undefined} token */
export function storeToken(token) {
  if (token === undefined) sessionStorage.removeItem(KEY);
  else sessionStorage.setItem(KEY, token);
}

/** The header that presents it. @param {string | undefined} token @returns {Record<string, string>} */
export const authorization = (token) => (token === undefined ? {} : { authorization: `Bearer ${token}` });

/** The token for actions, asked for. @param {string | undefined} problem @returns {Promise<string | undefined>} */
export async function askToken(problem) {
  const input = h('input', {
    type: 'password',
    name: 'token',
    autocomplete: 'off',
    required: true,
    id: 'token',
    spellcheck: 'false',
  });
  const dialog = h(
    'dialog',
    { 'aria-labelledby': 'token-title', class: 'small' },
    h(
      'form',
      { method: 'dialog' },
      h('h2', { id: 'token-title' }, 'Token'),
      h(
        'p',
        {},
        'Changes need the token of the configuration (http.token); from another machine everything does. It is kept until this tab is closed.',
      ),
      problem !== undefined && h('p', { class: 'problem', role: 'alert' }, problem),
      h('label', { for: 'token' }, 'Token'),
      input,
      h('div', { class: 'buttons' }, cancel(), h('button', { value: 'go', class: 'main' }, 'Go on')),
    ),
  );
  return (await show(dialog)) === 'go' && input.value !== '' ? input.value : undefined;
}
