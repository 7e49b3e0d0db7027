/**
 * How far the system's clock is off and whether it is kept right, from `chronyc tracking`, `adjtimex --print` or `timedatectl`, whichever is there,
 * run at every sample in a process that can be killed.
 */
import * as z from 'zod';
import { Unavailable } from '../src/errors.ts';
import { type AnyTable, defineSchema, gauge } from '../src/event.ts';
import { duration } from '../src/options.ts';
import { defineSensor, type Sampler, type SensorContext } from '../src/sensor.ts';
import { type ClockState, parseAdjtimex, parseChrony, parseTimedatectl } from '../src/timekeeping/tools.ts';
import { runTool } from '../src/tool/once.ts';

// No convention has these; node_exporter calls them timex.
const clock = defineSchema({
  type: 'system.clock',
  doc: "The system's clock, as the tool that is asked says. What this tool does not say is absent.",
  attributes: ['clock.tool'],
  fields: {
    synchronized: gauge('1', '1 while the clock is kept right by a server or a reference, else 0.'),
    offset: gauge('s', 'How far it is off: positive when it is fast. Of adjtimex and timedatectl, what was measured last.'),
    last_offset: gauge('s', 'Offset at the last measurement.'),
    rms_offset: gauge('s', 'Offset in the long run, as root mean square.'),
    frequency_error: gauge('1', 'How fast it would run if it were not corrected: 1e-6 is a millionth too fast.'),
    skew: gauge('1', 'How sure that is.'),
    root_delay: gauge('s', 'Time that a question to the reference takes, there and back; of timedatectl, to the server.'),
    root_dispersion: gauge('s', 'Errors that add up on the way from the reference.'),
    max_error: gauge('s', 'The most that it can be off.'),
    estimated_error: gauge('s', 'What it is probably off.'),
    update_interval: gauge('s', 'Time between the last two measurements.'),
    stratum: gauge('1', 'How many servers are between it and a reference.'),
    leap_second: gauge('1', '1 when a second will be inserted at the end of the day, -1 when one will be left out, else 0.'),
  },
});

const TOOLS = ['chronyc', 'adjtimex', 'timedatectl'] as const;
type Tool = (typeof TOOLS)[number];

const options = z.strictObject({
  tool: z
    .enum(['auto', ...TOOLS])
    .default('auto')
    .describe('What is asked: `auto` is the first of the others that answers.'),
  paths: z
    .strictObject({ chronyc: z.string().min(1), adjtimex: z.string().min(1), timedatectl: z.string().min(1) })
    .partial()
    .default({})
    .describe('Where the tools are, by name (default: found by PATH).'),
  command_timeout: duration({ min: 100 })
    .prefault('5s')
    .describe("How long the tool may take, as a duration; no longer than the sensor's own timeout leaves."),
});
type Given = z.output<typeof options>;

export default defineSensor({
  name: 'clock',
  summary: "Offset and synchronisation of the system's clock, from chronyc, adjtimex or timedatectl.",
  emits: [clock],
  options,
  // It starts a process at every sample.
  byDefault: false,
  async open(host, given, context) {
    if (host.platform !== 'linux') throw new Unavailable(`the clock is asked by Linux' tools; this is ${host.platform}`);
    if (!host.live) throw new Unavailable('a clock is asked while it runs, and this is a recorded machine');
    const why: string[] = [];
    for (const tool of given.tool === 'auto' ? TOOLS : [given.tool]) {
      const sampler = new ClockTool(tool, given, context);
      try {
        await sampler.ask(new AbortController().signal);
        return sampler;
      } catch (error) {
        why.push(error instanceof Error ? error.message : String(error));
      }
    }
    throw new Unavailable(`nobody here tells of the clock; install chrony: ${why.join('; ')}`);
  },
});

class ClockTool implements Sampler {
  readonly #tool: Tool;
  readonly #given: Given;
  readonly #timeoutMs: number;

  constructor(tool: Tool, given: Given, context: SensorContext) {
    this.#tool = tool;
    this.#given = given;
    this.#timeoutMs = Math.min(given.command_timeout, context.timeout * 0.8);
  }

  /** Throws why it has no answer. */
  async ask(signal: AbortSignal): Promise<ClockState> {
    const [output, more] = await this.#outputs(signal);
    const parse = { chronyc: parseChrony, adjtimex: parseAdjtimex, timedatectl: (text: string) => parseTimedatectl(text, more) };
    const state = parse[this.#tool](output);
    if (!state) throw new Error(`${this.#tool} wrote what is not known: ${JSON.stringify(output.slice(0, 120))}`);
    return state;
  }

  async sample(signal: AbortSignal): Promise<AnyTable[]> {
    const state = await this.ask(signal);
    const leap = state.leap === undefined ? undefined : { none: 0, insert: 1, delete: -1 }[state.leap];
    return [
      clock.table().add([this.#tool], {
        synchronized: state.synchronized ? 1 : 0,
        offset: state.offset,
        last_offset: state.lastOffset,
        rms_offset: state.rmsOffset,
        frequency_error: state.frequency,
        skew: state.skew,
        root_delay: state.rootDelay,
        root_dispersion: state.rootDispersion,
        max_error: state.maxError,
        estimated_error: state.estimatedError,
        update_interval: state.updateInterval,
        stratum: state.stratum,
        leap_second: leap,
      }),
    ];
  }

  /** What the tool wrote; timedatectl is asked twice. */
  async #outputs(signal: AbortSignal): Promise<[string, string]> {
    if (this.#tool === 'chronyc') return [await this.#run(['-n', 'tracking'], signal), ''];
    if (this.#tool === 'adjtimex') return [await this.#run(['--print'], signal), ''];
    const [show, timesync] = await Promise.all([
      this.#run(['show'], signal),
      this.#run(['timesync-status', '--no-pager'], signal).catch(() => ''),
    ]);
    return [show, timesync];
  }

  async #run(args: readonly string[], signal: AbortSignal): Promise<string> {
    const path = this.#given.paths[this.#tool] ?? this.#tool;
    const { code, output, errors } = await runTool([path, ...args], { timeoutMs: this.#timeoutMs, signal });
    // adjtimex ends with the kernel's answer, 5 for a clock that is not synchronised; what counts is what it wrote.
    if (code !== 0 && this.#tool !== 'adjtimex')
      throw new Error(`${path} ended with ${code}: ${(errors.trim() || output).split('\n')[0] || 'it does not say why'}`);
    return output;
  }
}
