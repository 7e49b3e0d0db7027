/**
 * Reads bodies into pages, for all targets of a sensor: targets that run the same software share their pages, so that each costs its numbers
 * and nothing more.
 *
 * A body is held against the page that its target had, then against the RECENT_MAX pages used last. If none is like it, a page is made of it, and given up again for
 * one that any other target has and that is the same. Pages of more than ROWS_MAX rows are their target's own: comparing them costs more than it saves.
 */
import type { Policy } from '../exposition/builder.ts';
import { hashPage, missingRows, type Page, samePage } from '../exposition/page.ts';
import { PageReader, type Reading } from '../exposition/reader.ts';
import { strictRules } from '../exposition/rules.ts';
import type { Body } from './bodies.ts';

const RECENT_MAX = 8;
const ROWS_MAX = 20_000;
/** How many pages are known before those are forgotten that no target has any more; this many more each time. */
const SWEEP = 64;

export interface PageOptions {
  readonly openMetrics: boolean;
  readonly strict: boolean;
  readonly ignoreTimestamps: boolean;
  /** Targets with the same policy may share pages. */
  readonly policy: Policy;
}

/** What a reading is compared with what was there before. */
export interface Changes {
  /** Rows of the page before whose series this page does not have. */
  readonly vanished: readonly number[];
  /** How many series this page has and the one before had not. */
  readonly added: number;
}

export class Pages {
  readonly #reader = new PageReader();
  readonly #shelves = new Map<Policy, Shelf>();

  /** Reads a body that may be as `before` was. Throws `ExpositionError`. */
  read({ buffer, length }: Body, before: Page | undefined, options: PageOptions): Reading {
    const { openMetrics, strict, ignoreTimestamps, policy } = options;
    const shelf = this.#shelves.get(policy) ?? new Shelf();
    this.#shelves.set(policy, shelf);
    const large = before !== undefined && before.layout.rows > ROWS_MAX;
    const others = large ? [] : shelf.recent.filter((page) => page !== before);
    const candidates = before === undefined ? others : [before, ...others];
    const rules = strict ? strictRules(openMetrics) : undefined;
    const reading = this.#reader.read(buffer, length, candidates, { openMetrics, rules, ignoreTimestamps, policy });
    if (reading.page === before || reading.page.layout.rows > ROWS_MAX) return reading;
    const page = candidates.includes(reading.page) ? reading.page : shelf.shared(reading.page);
    shelf.use(page);
    return { ...reading, page };
  }
}

/** Pages under one policy. */
class Shelf {
  recent: readonly Page[] = [];
  readonly #known = new Map<number, WeakRef<Page>>();
  #sweepAt = SWEEP;

  use(page: Page): void {
    this.recent = [page, ...this.recent.filter((other) => other !== page)].slice(0, RECENT_MAX);
  }

  /** A page that is known and the same, or this one, which is known from now on. */
  shared(page: Page): Page {
    const hash = hashPage(page);
    const known = this.#known.get(hash)?.deref();
    if (known !== undefined && samePage(known, page)) return known;
    this.#known.set(hash, new WeakRef(page));
    if (this.#known.size >= this.#sweepAt) {
      for (const [key, ref] of this.#known) if (ref.deref() === undefined) this.#known.delete(key);
      this.#sweepAt = this.#known.size + Math.max(SWEEP, this.#known.size);
    }
    return page;
  }
}

export function changesOf(page: Page, before: Page | undefined): Changes {
  if (before === undefined) return { vanished: [], added: page.layout.rows };
  if (page === before) return { vanished: [], added: 0 };
  return { vanished: missingRows(before, page), added: missingRows(page, before).length };
}
