import type { DatabaseConnection, Kysely } from 'kysely';
import type { Database } from '../database.ts';
import type { OperationContext, ServerSettings, WakeTopic } from '../operation.ts';
import { type RunStateCache, RunStateLayer } from './run-state-cache.ts';
import type { DiagnosticFields } from '../../kernel/diagnostic-log.ts';
import type { StoreMetric, StoreNote } from './store-metric.ts';

/** What every operation of a store is given. */
export interface ScopeSources {
  readonly locks: boolean;
  readonly node: string;
  readonly settings: ServerSettings;
  readonly now: () => number;
  readonly randomId: () => string;
}

/**
 * What the operations of one transaction do beside the database, kept until its commit. {@link keep} takes over what
 * one of them did; nobody sees what is not kept.
 */
export class TransactionEffects {
  readonly topics = new Set<WakeTopic>();
  readonly runs: RunStateLayer;

  constructor(cache: RunStateCache) {
    this.runs = new RunStateLayer(cache);
  }

  keep(scope: OperationScope): void {
    for (const topic of scope.topics) this.topics.add(topic);
    scope.runs.applyTo(this.runs);
  }
}

/** The context of one operation, and what it does beside the database. */
export class OperationScope implements OperationContext {
  readonly db: Kysely<Database>;
  readonly connection: DatabaseConnection;
  readonly locks: boolean;
  readonly now: number;
  readonly node: string;
  readonly settings: ServerSettings;
  readonly randomId: () => string;
  readonly runs: RunStateLayer;
  readonly topics = new Set<WakeTopic>();
  /** Told once the operation is answered, refused or not. */
  readonly counted: StoreMetric[] = [];
  readonly notes: StoreNote[] = [];

  constructor(
    db: Kysely<Database>,
    connection: DatabaseConnection,
    sources: ScopeSources,
    effects: TransactionEffects,
  ) {
    this.db = db;
    this.connection = connection;
    this.locks = sources.locks;
    this.now = sources.now();
    this.node = sources.node;
    this.settings = sources.settings;
    this.randomId = sources.randomId;
    this.runs = new RunStateLayer(effects.runs);
  }

  // Properties, so that an operation may take its context apart.
  readonly wake = (topic: WakeTopic): void => {
    this.topics.add(topic);
  };

  readonly count = (name: string, labels: Readonly<Record<string, string>> = {}): void => {
    this.counted.push({ kind: 'count', name, labels, value: 1 });
  };

  readonly note = (message: string, fields: DiagnosticFields): void => {
    this.notes.push({ message, fields });
  };

  readonly observe = (name: string, value: number): void => {
    this.counted.push({ kind: 'observe', name, labels: {}, value });
  };
}
