/**
 * One target: fetched, read, told in tables. A scrape is whole or nothing.
 *
 * States: new; up; down, when its page could not be fetched or read. A target that does not answer is tried in a lane of its own: see `slots.ts`.
 */
import type { Clock } from '../clock.ts';
import { describe } from '../errors.ts';
import type { AnyTable, LabelMap } from '../event.ts';
import { ExpositionError } from '../exposition/ascii.ts';
import type { Page } from '../exposition/page.ts';
import type { Reading } from '../exposition/reader.ts';
import { formatDuration } from '../options.ts';
import type { Target } from '../sensor.ts';
import { type Body, type BodyPool, BodyTooLarge } from './bodies.ts';
import { type Endpoint, NoPage } from './endpoint.ts';
import { histogramTables, missingHistograms, staleHistograms } from './histogram-tables.ts';
import type { NativeHistogram } from './native-histogram.ts';
import { protocolOf, timeoutHeader } from './negotiate.ts';
import type { ScrapeOptions } from './options.ts';
import { changesOf, type Pages } from './pages.ts';
import type { SeriesPolicy } from './policy.ts';
import { transcode } from './protobuf.ts';
import type { Schemas } from './schemas.ts';
import type { Slots } from './slots.ts';
import { exemplarTable, metadataTable, sampleTable, staleTable } from './tables.ts';

/** Our clock and the target's may differ by this, in seconds. As Prometheus' limit for samples from the future. */
const SKEW_SECONDS = 600;
/** A page is expected to be this much larger than the last one, at most: more digits, and a series or two. */
const SIZE_MARGIN = 1.02;

/** What all targets of a sensor share. */
export interface Shared {
  readonly options: ScrapeOptions;
  readonly schemas: Schemas;
  readonly slots: Slots;
  readonly bodies: BodyPool;
  readonly pages: Pages;
  readonly clock: Clock;
}

interface Scraped extends Reading {
  readonly histograms: readonly NativeHistogram[];
  /** The time that the other side says it is, Unix time in seconds. */
  readonly date: number | undefined;
  readonly size: number;
}

export class ScrapeTarget implements Target {
  readonly name: string;
  readonly labels: LabelMap;
  problem: string | undefined;
  readonly #shared: Shared;
  readonly #endpoint: Endpoint;
  readonly #policy: SeriesPolicy;
  /** The page of the last scrape that succeeded. */
  #page: Page | undefined;
  #histograms: readonly NativeHistogram[] = [];
  /** Whether the series of that page are told to be stale. */
  #stale = false;
  #silent = false;
  /** How large its last page was, in bytes. */
  #size = 0;
  /** Of the scrape that is under way. */
  #body: Body | undefined;
  #described: Page['families'] | undefined;
  #describedAt = 0;
  #left = false;

  constructor(name: string, labels: LabelMap, endpoint: Endpoint, policy: SeriesPolicy, shared: Shared) {
    this.name = name;
    this.labels = labels;
    this.#endpoint = endpoint;
    this.#policy = policy;
    this.#shared = shared;
  }

  async sample(signal: AbortSignal, timeout: number): Promise<readonly AnyTable[]> {
    const { clock, slots } = this.#shared;
    const began = clock.monotonic();
    const controller = new AbortController();
    const abort = (): void => controller.abort(signal.reason);
    signal.addEventListener('abort', abort, { once: true });
    const cancel = clock.after(timeout, () =>
      controller.abort(new Error(`it took longer than the timeout, ${formatDuration(timeout)}`)),
    );
    let release: (() => void) | undefined;
    try {
      release = this.#silent ? slots.tryDead(this) : await slots.live(controller.signal, this.#answered);
      // Nothing is known anew: the target is as down as it was.
      if (release === undefined) return this.#failure(this.problem ?? 'it does not answer', timeout, 0, 0);
      return await this.#scrape(controller.signal, timeout, began);
    } catch (error) {
      // What a scrape throws is in its tables: this is its turn, which did not come.
      return this.#failure(`${describe(error)}: it waited for its turn (max_in_flight)`, timeout, 0, 0);
    } finally {
      release?.();
      cancel();
      signal.removeEventListener('abort', abort);
    }
  }

  leave(): readonly AnyTable[] {
    this.#left = true;
    this.#shared.slots.forget(this);
    this.#endpoint.close();
    return this.#allStale();
  }

  async #scrape(signal: AbortSignal, timeout: number, began: number): Promise<readonly AnyTable[]> {
    const { bodies, clock } = this.#shared;
    const body = bodies.acquire(this.#size * SIZE_MARGIN);
    this.#body = body;
    const seconds = (): number => (clock.monotonic() - began) / 1000;
    try {
      this.#silent = true;
      const answer = await this.#endpoint.get(body, timeoutHeader(timeout), signal);
      this.#silent = false;
      if (this.#left) return [];
      const scraped = this.#read(body, answer);
      return this.#success(scraped, timeout, seconds());
    } catch (error) {
      const tooLarge = error instanceof BodyTooLarge;
      const samples = error instanceof ExpositionError ? error.samples : 0;
      const size = tooLarge ? -1 : error instanceof ExpositionError ? body.length : 0;
      // Who sends too much, or something else, answers.
      if (tooLarge || error instanceof NoPage) this.#silent = false;
      return this.#left ? [] : this.#failure(describe(error), timeout, seconds(), samples, size);
    } finally {
      this.#body = undefined;
      bodies.release(body);
    }
  }

  readonly #answered = (): boolean => (this.#body?.length ?? 0) > 0;

  #read(body: Body, answer: { contentType: string | undefined; date: number | undefined }): Scraped {
    const { options, pages } = this.#shared;
    const { fallback_protocol: fallback, protobuf, mode, honor_timestamps: honor, sample_limit: limit } = options;
    const protocol = protocolOf(answer.contentType, fallback, protobuf || fallback === 'protobuf');
    const size = body.length;
    this.#size = size;
    const histograms = protocol === 'protobuf' ? transcode(body, this.#policy) : [];
    const reading = pages.read(body, this.#page, {
      openMetrics: protocol !== 'text',
      // What we wrote ourselves is not held to rules.
      strict: mode === 'strict' && protocol !== 'protobuf',
      ignoreTimestamps: !honor,
      policy: this.#policy,
    });
    const kept = reading.page.layout.rows + reading.page.repeated + histograms.length;
    if (limit > 0 && kept > limit) {
      const error = new ExpositionError(`the page has ${kept} samples, more than sample_limit, ${limit}`, 0, '');
      error.samples = reading.page.items + histograms.length;
      throw error;
    }
    return { ...reading, histograms, date: answer.date === undefined ? undefined : answer.date / 1000, size };
  }

  #success(scraped: Scraped, timeout: number, seconds: number): readonly AnyTable[] {
    const { schemas, options, clock } = this.#shared;
    const { page, histograms } = scraped;
    const before = this.#stale ? undefined : this.#page;
    const { vanished, added } = changesOf(page, before);
    const histogramsBefore = this.#stale ? [] : this.#histograms;
    const addedHistograms = missingHistograms(histograms, histogramsBefore).length;
    this.problem = this.#remark(scraped);
    const described = this.#described === page.families && clock.monotonic() - this.#describedAt < options.metadata;
    const tables = [
      this.#report(1, timeout, seconds, {
        scraped: page.items + histograms.length,
        kept: page.layout.rows + page.repeated + histograms.length,
        added: added + addedHistograms,
        size: scraped.size,
      }),
      ...sampleTable(schemas, scraped, options.start_times),
      ...histogramTables(schemas, histograms),
      ...(options.exemplars ? exemplarTable(schemas, scraped) : []),
      ...(vanished.length > 0 && before ? staleTable(schemas, before, vanished) : []),
      ...staleHistograms(schemas, missingHistograms(histogramsBefore, histograms)),
      ...(described ? [] : metadataTable(schemas, page)),
    ];
    if (!described) this.#describedAt = clock.monotonic();
    this.#described = page.families;
    this.#page = page;
    this.#histograms = histograms;
    this.#stale = false;
    return tables;
  }

  #failure(reason: string, timeout: number, seconds: number, scraped: number, size = 0): readonly AnyTable[] {
    this.problem = reason;
    return [this.#report(0, timeout, seconds, { scraped, kept: 0, added: 0, size }), ...this.#allStale()];
  }

  #allStale(): AnyTable[] {
    if (this.#page === undefined || this.#stale) return [];
    this.#stale = true;
    const { schemas } = this.#shared;
    // As of other series, one that says its own time says its own end.
    const untimed = this.#histograms.filter(({ timestamp }) => timestamp === undefined);
    return [...staleTable(schemas, this.#page), ...staleHistograms(schemas, untimed)];
  }

  #report(
    up: number,
    timeout: number,
    seconds: number,
    { scraped, kept, added, size }: { scraped: number; kept: number; added: number; size: number },
  ): AnyTable {
    const { schemas, options } = this.#shared;
    return schemas.scrape.table().add([this.name, this.problem ?? ''], {
      up,
      scrape_duration_seconds: seconds,
      scrape_samples_scraped: scraped,
      scrape_samples_post_metric_relabeling: kept,
      scrape_series_added: added,
      scrape_body_size_bytes: size,
      scrape_timeout_seconds: timeout / 1000,
      scrape_sample_limit: options.sample_limit || undefined,
    });
  }

  /** What is wrong with a page that was taken all the same. */
  #remark({ page, values, date }: Scraped): string | undefined {
    const now = this.#shared.clock.wall() / 1000;
    const remarks: string[] = [];
    if (page.repeated > 0)
      remarks.push(`the page has ${page.repeated} samples of series that it has already; the first of each is taken`);
    let newest = date ?? Number.NEGATIVE_INFINITY;
    for (let i = page.timed ? page.layout.rows : values.length; i < values.length; i++) {
      if (!page.absent?.[i]) newest = Math.max(newest, values[i] as number);
    }
    if (newest > now + SKEW_SECONDS) remarks.push('its clock is more than 10 minutes ahead of ours');
    else if (newest < now - SKEW_SECONDS && date !== undefined && date < now - SKEW_SECONDS) {
      remarks.push('its clock is more than 10 minutes behind ours');
    }
    return remarks.length === 0 ? undefined : remarks.join('; ');
  }
}
