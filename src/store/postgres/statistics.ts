/**
 * Has statistics taken of the table of tasks after its first bulk of rows: a search that the planner is free in would read it from end to end without. Later
 * ones PostgreSQL takes by itself.
 */
import type { Line } from './line.ts';
import type { Queries } from './queries.ts';

/** They are taken when so many tasks came, then each time four times as many. */
const firstAnalysis = 1_000;
const lastAnalysis = 1_000_000;

export class Statistics {
  readonly #line: Line;
  readonly #sql: Queries;
  #inserted = 0;
  #next = firstAnalysis;

  constructor(line: Line, sql: Queries) {
    this.#line = line;
    this.#sql = sql;
  }

  inserted(tasks: number): void {
    this.#inserted += tasks;
    if (this.#inserted < this.#next) return;
    this.#inserted = 0;
    this.#next = Math.min(this.#next * 4, lastAnalysis);
    // Without statistics it works too, if worse.
    this.#line.run((driver) => driver.query(this.#sql.analyze)).catch(() => {});
  }
}
