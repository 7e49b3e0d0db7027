// @ts-check
/** Making and changing elements. Text is set as text, never as markup; style is set by CSSOM, as the page's policy asks. */
import { absolute, relative } from './humane.mjs';

/** @typedef {Node | string | undefined | null | false} Child */

const SVG = 'http://www.w3.org/2000/svg';
/** What is to come sooner comes now, in milliseconds. */
const LITTLE_MS = 1000;
/** How much the service's clock is ahead of this one, in milliseconds. */
let ahead = 0;

/** The service's time, which is what its moments are to be compared with. */
export const now = () => Date.now() + ahead;

/** @param {number} moment What the service's clock shows now. */
export function setClock(moment) {
  ahead = moment - Date.now();
}

/**
 * An element with attributes and children. `on…` attributes are listeners, true is an attribute without a value, false and undefined none.
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag @param {Record<string, unknown>} [attributes] @param {Child[]} children
 * @returns {HTMLElementTagNameMap[T]}
 */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  assign(element, attributes, children);
  return element;
}

/**
 * The same for a picture.
 * @template {keyof SVGElementTagNameMap} T
 * @param {T} tag @param {Record<string, unknown>} [attributes] @param {Child[]} children
 * @returns {SVGElementTagNameMap[T]}
 */
export function s(tag, attributes = {}, ...children) {
  const element = document.createElementNS(SVG, tag);
  assign(element, attributes, children);
  return element;
}

/** @param {Element} element @param {Record<string, unknown>} attributes @param {Child[]} children */
function assign(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith('on')) element.addEventListener(name.slice(2), /** @type {EventListener} */ (value));
    else if (value === true) element.setAttribute(name, '');
    else if (typeof value === 'string' || typeof value === 'number') element.setAttribute(name, `${value}`);
  }
  element.append(...present(children));
}

/** @param {readonly Child[]} children @returns {(Node | string)[]} */
const present = (children) => children.flatMap((child) => (child ? [child] : []));

/** Sets the text where it is another, so that nothing is announced or laid out again. @param {Element} element @param {string} text */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** @param {Element} element @param {string} name @param {string} value */
export function setAttribute(element, name, value) {
  if (element.getAttribute(name) !== value) element.setAttribute(name, value);
}

/** Replaces the children where they say something else. @param {Element} element @param {Child[]} children */
export function setChildren(element, ...children) {
  const next = present(children);
  const text = next.map((child) => (typeof child === 'string' ? child : /** @type {Element} */ (child).outerHTML)).join('');
  if (written.get(element) === text) return;
  written.set(element, text);
  element.replaceChildren(...next);
}

/** What `setChildren` wrote last. @type {WeakMap<Element, string>} */
const written = new WeakMap();

/** The mark of a condition, beside words that say the same. @param {string} condition */
export const mark = (condition) =>
  s('svg', { class: `mark ${condition}`, 'aria-hidden': 'true' }, s('use', { href: `#mark-${condition}` }));

/** @param {Element} svg @param {string} condition */
export function setMark(svg, condition) {
  setAttribute(svg, 'class', `mark ${condition}`);
  const use = svg.querySelector('use');
  if (use) setAttribute(use, 'href', `#mark-${condition}`);
}

/** A moment as `41 minutes ago`, which goes on counting; the absolute one is its title. @param {number} moment */
export function time(moment) {
  const element = h('time', { datetime: new Date(moment).toISOString(), title: absolute(moment) }, relative(moment, now()));
  element.dataset['moment'] = `${moment}`;
  return element;
}

/** A moment to come, as `in 12 seconds`, and `now` from then on. @param {number} moment */
export function timeToCome(moment) {
  const element = time(Math.max(moment, now()));
  element.dataset['toCome'] = '';
  if (moment - now() < LITTLE_MS) setText(element, 'now');
  return element;
}

/** Counts all moments of the page on. */
export function tick() {
  const moment = now();
  for (const element of document.querySelectorAll('time[data-moment]')) {
    const { dataset } = /** @type {HTMLElement} */ (element);
    const at = Number(dataset['moment']);
    setText(element, 'toCome' in dataset && at - moment < LITTLE_MS ? 'now' : relative(at, moment));
  }
}

/**
 * Keeps one part for each item by its key, in the order of the items, and updates it. What is there stays there, with focus and choices.
 * @template T
 * @template {{ readonly node: Element, update(item: T): void }} P
 * @param {Element} parent @param {Map<string, P>} parts @param {readonly T[]} items
 * @param {(item: T) => string} keyOf @param {(item: T) => P} make
 */
export function keyed(parent, parts, items, keyOf, make) {
  const wanted = new Set(items.map(keyOf));
  for (const [key, part] of parts) {
    if (wanted.has(key)) continue;
    part.node.remove();
    parts.delete(key);
  }
  let before = parent.firstElementChild;
  for (const item of items) {
    const key = keyOf(item);
    let part = parts.get(key);
    if (!part) {
      part = make(item);
      parts.set(key, part);
    }
    // A part that holds the focus keeps its place: moving it would take the focus away.
    if (part.node === before) before = before.nextElementSibling;
    else if (!part.node.isConnected || !part.node.contains(document.activeElement)) parent.insertBefore(part.node, before);
    part.update(item);
  }
}

/** An element that index.html has. @param {string} selector @returns {HTMLElement} */
export function find(selector) {
  const element = document.querySelector(selector);
  if (!(element instanceof HTMLElement)) throw new Error(`index.html has no ${selector}`);
  return element;
}

/** A name as a part of an address within the page. @param {string} kind @param {string} name */
export const anchor = (kind, name) => `${kind}-${encodeURIComponent(name)}`;
