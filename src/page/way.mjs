// @ts-check
/**
 * The way of the data as a picture: sensors, bus, sinks, destinations, with what goes along each line.
 *
 * It is drawn anew from each status in the pixels that there are: four columns where there is room, and from above to below on a phone.
 * What it shows is also in words on the rest of the page; its boxes are links to there.
 */
import { anchor, s, setChildren } from './dom.mjs';
import { brief, counted, listed, perSecond, placeOf } from './humane.mjs';
import { conditionOf } from './verdict.mjs';

/** @import { SinkView, StatusView } from '../http/view.ts' */

/** Sensors that have a line of their own. */
const SENSORS_MAX = 16;
/** Narrower than this, in pixels, is a phone. */
const NARROW = 680;
const ROW = 26;
const SINK_ROW = 66;
const BOX = 48;
/** Room for the words on the bus, in pixels. */
const HEIGHT_MIN = 132;
const PAD = 8;
/** Width of a letter on average, in pixels. */
const LETTER = 7.2;

/** @typedef {{ name: string, condition: string, still: boolean }} Source */
/** @typedef {{ x: number, y: number, w: number, h: number }} Box */

export class Way {
  /** @type {HTMLElement} */
  #panel;
  /** @type {StatusView | undefined} */
  #status;
  #width = 0;

  /** @param {HTMLElement} panel */
  constructor(panel) {
    this.#panel = panel;
    new ResizeObserver(([entry]) => {
      const width = Math.floor(entry?.contentRect.width ?? 0);
      if (width === this.#width) return;
      this.#width = width;
      this.#draw();
    }).observe(panel);
  }

  /** @param {StatusView} status */
  update(status) {
    this.#status = status;
    this.#draw();
  }

  #draw() {
    if (!this.#status || this.#width < 100) return;
    const { activeElement } = document;
    const focused = this.#panel.contains(activeElement) ? activeElement?.getAttribute('href') : undefined;
    setChildren(this.#panel, this.#width < NARROW ? narrow(this.#status, this.#width) : wide(this.#status, this.#width));
    // A link that was drawn anew keeps the focus that it had.
    if (typeof focused === 'string' && !this.#panel.contains(document.activeElement)) {
      const link = [...this.#panel.querySelectorAll('a')].find((one) => one.getAttribute('href') === focused);
      link?.focus({ preventScroll: true });
    }
  }
}

/** @param {StatusView} status @returns {Source[]} */
function sources(status) {
  const all = status.sensors.map(({ name, state }) => {
    const condition = conditionOf(status, `sensor ${name}`);
    return { name, condition, still: state !== 'sampling' };
  });
  if (all.length <= SENSORS_MAX) return all;
  // Those with trouble are not among those left out.
  const order = [...all].sort((a, b) => Number(a.condition === 'well') - Number(b.condition === 'well'));
  const rest = order.length - SENSORS_MAX + 1;
  return [...order.slice(0, SENSORS_MAX - 1), { name: `${rest} more`, condition: 'well', still: false }];
}

/** Events a second that come in: what the sink that takes most takes. @param {StatusView} status */
const incoming = ({ sinks }) => sinks.reduce((most, { rates }) => Math.max(most, rates.in), 0);

/** @param {StatusView} status */
function describe(status) {
  const { sensors, sinks } = status;
  const to = sinks.map(
    ({ name, type, destination, rates }) => `${name} (${destination || type}, ${perSecond(rates.out)} events/s)`,
  );
  return `${counted(sensors.length, 'sensor')}, the bus, ${counted(sinks.length, 'sink')}${to.length > 0 ? `: ${listed(to, 9)}` : ''}`;
}

/** @param {StatusView} status @param {number} width @param {number} height @param {(Node | undefined)[]} parts */
const picture = (status, width, height, parts) =>
  s('svg', { viewBox: `0 0 ${width} ${height}`, width, height, role: 'group', 'aria-label': describe(status) }, ...parts);

/** @param {string} text @param {number} width */
const fit = (text, width) => {
  const letters = Math.max(1, Math.floor(width / LETTER));
  return text.length <= letters ? text : `${text.slice(0, letters - 1)}…`;
};

/** @param {number} x @param {number} y @param {string} content @param {string} [kind] */
const label = (x, y, content, kind = '') => s('text', { x, y, class: kind }, content);

/** @param {string} condition @param {number} x @param {number} y @param {number} [size] */
const sign = (condition, x, y, size = 14) =>
  s('use', { href: `#mark-${condition}`, class: `mark ${condition}`, x, y, width: size, height: size });

/** @param {Box} box @param {string} kind */
const frame = ({ x, y, w, h }, kind) => s('rect', { x, y, width: w, height: h, rx: 6, class: `box ${kind}` });

/** A line from right to left side; it moves while something goes along it. @param {number} x1 @param {number} y1 @param {number} x2 @param {number} y2 @param {string} kind */
function link(x1, y1, x2, y2, kind) {
  const middle = (x1 + x2) / 2;
  return s('path', { d: `M${x1} ${y1}C${middle} ${y1} ${middle} ${y2} ${x2} ${y2}`, class: `link ${kind}` });
}

/** What there is between a sink and its destination. @param {SinkView} sink */
function outgoing({ condition, paused, breaker, rates }) {
  if (paused) return 'paused';
  if (breaker && breaker.state !== 'closed') return 'broken';
  if (condition === 'failing') return 'broken';
  return rates.out > 0 ? 'moving' : '';
}

/** @param {SinkView} sink */
const waitingOf = ({ ledger }) => ledger.queued + ledger.spooled;

/** A sink and what it waits for, as a link. @param {SinkView} sink @param {Box} box */
function sinkBox(sink, box) {
  const { name, condition, paused } = sink;
  const waiting = waitingOf(sink);
  const shown = fit(name, box.w - PAD - 26);
  const what = fit(paused ? 'paused' : waiting > 0 ? `${brief(waiting)} wait` : sink.state, box.w - 2 * PAD);
  return s(
    'a',
    // What is heard begins with what is seen.
    { href: `#${anchor('sink', name)}`, 'aria-label': `${shown} ${what}: sink ${name}, ${condition}` },
    frame(box, condition),
    sign(paused ? 'paused' : condition, box.x + PAD, box.y + 8),
    label(box.x + PAD + 20, box.y + 20, `${shown} `, 'strong'),
    label(box.x + PAD, box.y + 39, what, 'muted'),
  );
}

/** @param {SinkView} sink @param {Box} box */
const destinationBox = (sink, box) =>
  s(
    'g',
    {},
    frame(box, 'far'),
    label(box.x + PAD, box.y + 20, fit(sink.type, box.w - 2 * PAD), 'strong'),
    s(
      'text',
      { x: box.x + PAD, y: box.y + 39, class: 'muted' },
      s('title', {}, sink.destination),
      fit(placeOf(sink), box.w - 2 * PAD),
    ),
  );

/** What goes out, or why nothing does, over the middle of a line. @param {SinkView} sink @param {number} x @param {number} y */
function outLabel(sink, x, y) {
  const kind = outgoing(sink);
  const words = kind === 'broken' ? 'cut off' : kind === 'paused' ? 'paused' : `${perSecond(sink.rates.out)}/s`;
  return s(
    'g',
    { class: 'onlink' },
    label(x, y - 7, words, `middle ${kind}`),
    kind === 'broken' ? sign('failing', x - 7, y - 7) : undefined,
  );
}

/** @param {StatusView} status @param {number} width */
function wide(status, width) {
  const from = sources(status);
  const height = Math.max(from.length * ROW, status.sinks.length * SINK_ROW, HEIGHT_MIN) + 2 * PAD;
  const unit = width / 100;
  const columns = { sensors: Math.min(190, 22 * unit), bus: 36 * unit, sink: 54 * unit, far: 79 * unit };
  const [sinkWidth, farWidth] = [16 * unit, width - columns.far - 1];
  const middle = height / 2;
  const bus = { x: columns.bus, y: PAD, w: 30, h: height - 2 * PAD };
  const rate = incoming(status);
  const parts = from.map((source, i) => {
    const y = (height * (i + 0.5)) / from.length;
    return s(
      'g',
      {},
      link(columns.sensors, y, bus.x, middle + (y - middle) * 0.8, source.still ? 'off' : 'moving'),
      sensorLabel(source, { x: 1, y: y - 11, w: columns.sensors - 1, h: 22 }),
    );
  });
  const to = status.sinks.map((sink, i) => {
    const y = (height * (i + 0.5)) / status.sinks.length;
    const box = { x: columns.sink, y: y - BOX / 2, w: sinkWidth, h: BOX };
    const far = { x: columns.far, y: y - BOX / 2, w: farWidth, h: BOX };
    const start = Math.min(Math.max(y, PAD + 8), height - PAD - 8);
    return s(
      'g',
      {},
      link(bus.x + bus.w, start, box.x, y, sink.rates.in > 0 ? 'moving' : ''),
      label((bus.x + bus.w + box.x) / 2, (start + y) / 2 - 7, `${perSecond(sink.rates.in)}/s`, 'middle'),
      link(box.x + box.w, y, far.x, y, outgoing(sink)),
      outLabel(sink, (box.x + box.w + far.x) / 2, y),
      sinkBox(sink, box),
      destinationBox(sink, far),
    );
  });
  const title = s(
    'text',
    { class: 'middle strong', transform: `translate(${bus.x + 19} ${middle}) rotate(-90)` },
    `bus ${perSecond(rate)} events/s`,
  );
  const missing = [
    from.length === 0 ? label(columns.sensors / 2, middle, 'no sensor', 'middle muted') : undefined,
    status.sinks.length === 0 ? label(columns.sink + sinkWidth / 2, middle, 'no sink', 'middle muted') : undefined,
  ];
  return picture(status, width, height, [...parts, ...to, frame(bus, 'bus'), title, ...missing]);
}

/** @param {Source} source @param {Box} box */
function sensorLabel({ name, condition, still }, box) {
  const kind = condition !== 'well' ? condition : still ? 'still' : 'well';
  const shown = fit(name, box.w - PAD - 22);
  const href = name.endsWith(' more') ? '#sensors' : `#${anchor('sensor', name)}`;
  return s(
    'a',
    { href, 'aria-label': `${shown}: sensor ${name}, ${kind === 'still' ? 'not sampling' : kind}` },
    frame(box, condition),
    sign(kind, box.x + PAD - 2, box.y + 5, 12),
    label(box.x + PAD + 16, box.y + 15, shown),
  );
}

/** @param {StatusView} status @param {number} width */
function narrow(status, width) {
  const from = sources(status);
  const perRow = Math.max(1, Math.floor(width / 110));
  const cell = width / perRow;
  const rows = Math.ceil(from.length / perRow);
  const top = rows * (ROW + 2) + 2;
  const bus = { x: 1, y: top + 22, w: width - 2, h: 28 };
  const first = bus.y + bus.h + 16;
  const height = first + status.sinks.length * SINK_ROW + 2;
  const sensors = from.map((source, i) =>
    sensorLabel(source, { x: (i % perRow) * cell + 1, y: Math.floor(i / perRow) * (ROW + 2) + 1, w: cell - 5, h: 22 }),
  );
  const down = s('path', {
    d: `M${width / 2} ${top}V${bus.y}`,
    class: `link ${from.some(({ still }) => !still) ? 'moving' : ''}`,
  });
  const title = label(width / 2, bus.y + 19, `bus ${perSecond(incoming(status))} events/s`, 'middle strong');
  const sinks = status.sinks.map((sink, i) => {
    const y = first + i * SINK_ROW + BOX / 2;
    const box = { x: 24, y: y - BOX / 2, w: width * 0.34, h: BOX };
    const far = { x: width * 0.62, y: y - BOX / 2, w: width * 0.38 - 1, h: BOX };
    return s(
      'g',
      {},
      s('path', { d: `M10 ${bus.y + bus.h}V${y}H${box.x}`, class: `link ${sink.rates.in > 0 ? 'moving' : ''}` }),
      link(box.x + box.w, y, far.x, y, outgoing(sink)),
      outLabel(sink, (box.x + box.w + far.x) / 2, y),
      sinkBox(sink, box),
      destinationBox(sink, far),
    );
  });
  return picture(status, width, height, [down, ...sinks.reverse(), ...sensors, frame(bus, 'bus'), title]);
}
