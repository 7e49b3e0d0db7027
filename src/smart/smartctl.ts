/**
 * `smartctl --json`: the scan, and one answer for each drive. Nothing here wakes a drive: `-n standby` asks one that sleeps for nothing.
 *
 * Every run has a deadline and is killed at it. A drive whose run was killed is left alone for `retryMs`: what hangs in the kernel cannot be killed at all, and
 * another beside it would hang too.
 */
import { type Clock, systemClock } from '../clock.ts';
import { describe } from '../errors.ts';
import { runTool } from '../tool/once.ts';
import { type Command, excerpt } from '../tool/process.ts';
import { type Drive, driveOf } from './drive.ts';
import { hasAnswer } from './exit.ts';
import { at, type Json, numberAt, objectsAt, textAt } from './json.ts';

/** Drives of one machine. Controllers with more are given by `devices`, in several instances. */
const DEVICES_MAX = 1024;
/** Runs at once: a controller answers one at a time, and a machine has better things to do. */
const AT_ONCE = 4;
/** Time that must be left for another run to be worth its start, in milliseconds. */
const LEFT_MS_MIN = 500;

export interface Device {
  readonly path: string;
  /** As `-d` takes it: `sat`, `nvme`, `scsi`, `megaraid,14`. Undefined: smartctl's own guess. */
  readonly type: string | undefined;
}

export interface SmartctlOptions {
  /** `smartctl`, or `sudo -n smartctl`. */
  readonly command: Command;
  /** In milliseconds. */
  readonly timeoutMs: number;
  readonly retryMs: number;
  readonly clock?: Clock;
}

/** What became of a drive: it, or why not. */
export type Outcome = { readonly drive: Drive } | { readonly why: string; readonly denied: boolean };

export const deviceName = ({ path, type }: Device): string =>
  type !== undefined && /[,+]/.test(type) ? `${path} ${type}` : path;

/** The drives of `smartctl --scan --json`. A type with a comma is a drive behind a controller; the others smartctl guesses as well by itself. */
export function parseScan(output: string): Device[] {
  const answer = parseAnswer(output);
  return objectsAt(answer, 'devices').flatMap((entry) => {
    const path = textAt(entry, 'name');
    return path === undefined ? [] : [{ path, type: textAt(entry, 'type') }];
  });
}

/** Throws when the output is no JSON: before version 7 smartctl has none. */
function parseAnswer(output: string): Json {
  try {
    return JSON.parse(output);
  } catch (error) {
    throw new Error(`smartctl wrote no JSON${excerpt(output)} (it can since version 7.0): ${describe(error)}`, { cause: error });
  }
}

/** What an answer says of a drive. */
export function readAnswer(output: string, device: Device): Outcome {
  const answer = parseAnswer(output);
  const status = numberAt(answer, 'smartctl', 'exit_status');
  if (status === undefined) return { why: `smartctl tells no exit status${excerpt(output)}`, denied: false };
  const messages = objectsAt(answer, 'smartctl', 'messages');
  const said = messages.map((message) => textAt(message, 'string') ?? '').join('; ');
  const sleeps = /STANDBY|SLEEP/i.test(`${said} ${textAt(answer, 'power_mode', 'string') ?? ''}`);
  // A drive that sleeps has bit 1 as one that does not open, but no error beside it.
  const errors = messages.some((message) => textAt(message, 'severity') === 'error');
  const standby = status === 2 && (sleeps || !errors) && at(answer, 'device') !== undefined;
  if (hasAnswer(status) || standby) return { drive: driveOf(answer, deviceName(device), standby ? 1 : 0) };
  const why = `smartctl ended with status ${status}${said === '' ? '' : `: ${said}`}`;
  return { why, denied: /Permission denied|Operation not permitted|requires root/i.test(said) };
}

export class Smartctl {
  readonly #options: SmartctlOptions;
  readonly #clock: Clock;
  /** Devices that were killed, and when. */
  readonly #hung = new Map<string, number>();

  constructor(options: SmartctlOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
  }

  async scan(signal?: AbortSignal): Promise<Device[]> {
    const { command, timeoutMs } = this.#options;
    const { output, errors } = await runTool([...command, '--scan', '--json'], { timeoutMs, signal, clock: this.#clock });
    return parseScan(output || errors).slice(0, DEVICES_MAX);
  }

  /** Asks every drive, some at once, within `budgetMs`. The outcomes are in the order of the devices. */
  async ask(devices: readonly Device[], budgetMs: number, signal?: AbortSignal): Promise<Outcome[]> {
    const until = this.#clock.monotonic() + budgetMs;
    const outcomes: Outcome[] = [];
    let next = 0;
    const work = async (): Promise<void> => {
      while (next < devices.length) {
        const i = next++;
        outcomes[i] = await this.#one(devices[i] as Device, until, signal);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
    return outcomes;
  }

  async #one(device: Device, until: number, signal?: AbortSignal): Promise<Outcome> {
    const name = deviceName(device);
    const { command, timeoutMs, retryMs } = this.#options;
    const now = this.#clock.monotonic();
    const since = this.#hung.get(name);
    if (since !== undefined && now - since < retryMs)
      return { why: 'smartctl hung, and the drive is left alone for a while', denied: false };
    const left = until - now;
    if (left < LEFT_MS_MIN) return { why: 'there was no time left to ask it: give the sensor a longer timeout', denied: false };
    const type = device.type === undefined ? [] : ['-d', device.type];
    const arguments_ = ['--json', '--all', '-n', 'standby', ...type, device.path];
    const began = now;
    try {
      const { output, errors } = await runTool([...command, ...arguments_], {
        timeoutMs: Math.min(timeoutMs, left),
        signal,
        clock: this.#clock,
      });
      this.#hung.delete(name);
      if (output === '') return { why: `it said nothing${excerpt(errors)}`, denied: /password|not allowed/i.test(errors) };
      return readAnswer(output, device);
    } catch (error) {
      if (this.#clock.monotonic() - began >= Math.min(timeoutMs, left)) this.#hung.set(name, this.#clock.monotonic());
      return { why: describe(error), denied: false };
    }
  }
}
