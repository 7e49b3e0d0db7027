// @ts-check
/** The configuration in force, secrets hidden, and what can be done to the service itself. */
import { find, h, setText } from './dom.mjs';
import { getConfig } from './service.mjs';

/** @import { StatusView } from '../http/view.ts' */
/** @import { Actions } from './actions.mjs' */

const LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'];

export class Configuration {
  #file = h('p', { class: 'note' });
  #text = h('pre', { tabindex: '0', role: 'region', 'aria-label': 'Configuration' }, 'Asking …');
  #details = h('details', {}, h('summary', {}, 'Show it'), this.#file, this.#text);
  #reload = h('button', { type: 'button' }, 'Reload the configuration');
  #level = h('select', { id: 'level' }, ...LEVELS.map((level) => h('option', { selected: level === 'info' }, level)));
  #form = h('form', { class: 'inline' }, h('label', { for: 'level' }, 'Log level'), this.#level, h('button', {}, 'Set'));
  #run = '';

  /** @param {Actions} actions */
  constructor(actions) {
    const buttons = h('div', { class: 'buttons' }, this.#reload, this.#form);
    find('#configuration').querySelector('.panel')?.append(this.#details, buttons);
    this.#details.addEventListener('toggle', () => void this.#load());
    this.#reload.addEventListener('click', () => void this.#reloadWith(actions));
    this.#form.addEventListener('submit', (event) => {
      event.preventDefault();
      const level = this.#level.value;
      void actions.send('/api/log', { level }, 'set the log level', () => `The service logs at the level ${level}.`);
    });
  }

  /** @param {Actions} actions */
  async #reloadWith(actions) {
    await actions.send('/api/reload', {}, 'reload the configuration', () => 'The configuration was reloaded.');
    await this.#load();
  }

  async #load() {
    if (!this.#details.open) return;
    try {
      const { yaml, file } = await getConfig();
      setText(this.#file, file === undefined ? 'Built in; secrets are hidden.' : `Read from ${file}; secrets are hidden.`);
      setText(this.#text, yaml);
    } catch (error) {
      setText(this.#text, `It cannot be shown: ${/** @type {Error} */ (error).message}`);
    }
  }

  /** @param {StatusView} status */
  update({ actions, service }) {
    this.#reload.hidden = this.#form.hidden = !actions;
    if (service.run === this.#run) return;
    this.#run = service.run;
    void this.#load();
  }
}
