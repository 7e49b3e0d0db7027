// @ts-check
/** The page of a running service: puts its parts together. Nothing it shows comes from anywhere but the service that sent it. */
import { Actions } from './actions.mjs';
import { Configuration } from './configuration.mjs';
import { find, tick } from './dom.mjs';
import { Events } from './events.mjs';
import { Sensors } from './sensors.mjs';
import { Series } from './series.mjs';
import { Service } from './service.mjs';
import { Sinks } from './sinks.mjs';
import { Stream } from './stream.mjs';
import { Verdict } from './verdict.mjs';
import { Way } from './way.mjs';

/** How often moments count on, in milliseconds. */
const TICK_MS = 1000;

const verdict = new Verdict();
const way = new Way(find('#way .panel'));
const series = new Series();
const sensors = new Sensors(series);
const actions = new Actions(() => service.refresh());
const sinks = new Sinks(actions);
const configuration = new Configuration(actions);

let filtered = false;
let visible = false;
const events = new Events({
  onMatch: (pattern) => {
    filtered = pattern !== '';
    // The lines of the sensors need every event; the list is sent what it asks for.
    if (!filtered) chosen.want(false);
    chosen.match(pattern);
    chosen.want(visible && filtered);
    events.state(undefined);
  },
  onChoose: (sensor, type, field, key) => sensors.choose(sensor, type, field, key),
});
const every = new Stream({
  onEvent: (event) => {
    series.add(event);
    if (!filtered) events.add(event);
  },
  onMissed: (missed) => !filtered && events.missed(missed),
  onState: (problem) => !filtered && events.state(problem),
});
const chosen = new Stream({
  onEvent: (event) => events.add(event),
  onMissed: (missed) => events.missed(missed),
  onState: (problem) => events.state(problem),
});

const service = new Service({
  onStatus: (status) => {
    verdict.update(status);
    way.update(status);
    sinks.update(status);
    sensors.update(status);
    configuration.update(status);
  },
  onGone: (gone) => verdict.gone(gone, () => void service.unlock()),
  // It is asked for at first, and when the service is back.
  onHistory: (history) => {
    sinks.history(history);
    every.hurry();
    chosen.hurry();
  },
  onVisible: (shown) => {
    visible = shown;
    every.want(visible);
    chosen.want(visible && filtered);
  },
});

setInterval(tick, TICK_MS);
service.start();
