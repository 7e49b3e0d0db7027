/**
 * Reads bodies into pages, for all targets of a sensor: targets that run the same software share their pages, so that each costs its numbers
 * and nothing more.
 *
 * Limits: RECENT_MAX pages are offered to a target whose page is new or changed, and only while they are small.
 */
import type { Policy } from '../exposition/builder.ts';
import { missingRows, type Page } from '../exposition/page.ts';
import { PageReader, type Reading } from '../exposition/reader.ts';
import { strictRules } from '../exposition/rules.ts';
import type { Body } from './bodies.ts';

const RECENT_MAX = 8;
/** A page of more rows than this is not held against those of other targets: it costs more than it saves. */
const ROWS_MAX = 20_000;

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
  readonly #recent = new Map<Policy, Page[]>();

  /** Reads a body that may be as `before` was. Throws `ExpositionError`. */
  read({ buffer, length }: Body, before: Page | undefined, options: PageOptions): Reading {
    const { openMetrics, strict, ignoreTimestamps, policy } = options;
    const recent = this.#recent.get(policy) ?? [];
    const others = before !== undefined && before.layout.rows > ROWS_MAX ? [] : recent.filter((page) => page !== before);
    const candidates = before === undefined ? others : [before, ...others];
    const rules = strict ? strictRules(openMetrics) : undefined;
    const reading = this.#reader.read(buffer, length, candidates, { openMetrics, rules, ignoreTimestamps, policy });
    if (reading.page !== before && reading.page.layout.rows <= ROWS_MAX) {
      this.#recent.set(policy, [reading.page, ...recent.filter((page) => page !== reading.page)].slice(0, RECENT_MAX));
    }
    return reading;
  }
}

export function changesOf(page: Page, before: Page | undefined): Changes {
  if (before === undefined) return { vanished: [], added: page.layout.rows };
  if (page === before) return { vanished: [], added: 0 };
  return { vanished: missingRows(before, page), added: missingRows(page, before).length };
}
