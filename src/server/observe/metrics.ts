export type MetricLabels = Readonly<Record<string, string>>;

/**
 * What the server counts and measures of itself. Names are those of `metric-table.ts`, without the prefix `paceline_`;
 * a name that is not there is a counter of its own. Labels have few values: no ids. Never throws.
 */
export interface Metrics {
  count(name: string, labels?: MetricLabels, by?: number): void;
  /** Seconds, or a number of things. */
  observe(name: string, value: number, labels?: MetricLabels): void;
  /** A level that goes up and down. */
  add(name: string, change: number, labels?: MetricLabels): void;
}

/** Counts nothing. */
export const NO_METRICS: Metrics = { count: () => undefined, observe: () => undefined, add: () => undefined };
