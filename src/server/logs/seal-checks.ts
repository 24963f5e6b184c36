import { createHash } from 'node:crypto';
import type { KnownLogs } from './known-logs.ts';
import { FRAME_BYTES, SEAL_READ_BYTES, SEALS_PER_CHECK } from './limits.ts';
import type { UnverifiedLog } from './mark-logs.ts';
import { readLog, type ReadPorts } from './read-log.ts';
import type { DiagnosticLog } from '../../kernel/diagnostic-log.ts';

/** Logs whose bytes are not those that their agent had. */
export const HASH_MISMATCH_TOTAL = 'log_hash_mismatch_total';

export interface SealPorts extends ReadPorts {
  readonly known: KnownLogs;
  readonly log: DiagnosticLog;
}

/**
 * Compares logs that have their end with their hash, once each. Those that this server saw from their beginning cost
 * nothing; others are read again, a check later, so that the server that has seen them comes first.
 */
export class SealChecks {
  readonly #ports: SealPorts;
  #seenBefore = new Set<string>();

  constructor(ports: SealPorts) {
    this.#ports = ports;
  }

  /** Never throws: what could not be done is done by the next one. */
  async run(signal: AbortSignal): Promise<void> {
    const { store, known, metrics, log } = this.#ports;
    const found = await store.execute('list-unverified-logs', { limit: SEALS_PER_CHECK });
    if (!found.ok) return;
    const verdicts = known.verdicts.splice(0);
    const done = new Set(verdicts.map(keyOf));
    const seen = new Set<string>();
    let readBytes = 0;
    for (const one of found.value) {
      const key = keyOf(one);
      if (done.has(key) || signal.aborted) continue;
      const { hash = null, length } = known.peek(one.attempt, one.step) ?? { length: 0 };
      let digest = hash !== null && length === one.length ? hash.copy().digest('hex') : null;
      if (digest === null) {
        seen.add(key);
        if (!this.#seenBefore.has(key) || readBytes > SEAL_READ_BYTES) continue;
        readBytes += one.length;
        digest = await this.#digestOf(one, signal);
        if (digest === null) continue;
      }
      const matches = digest === one.hash;
      verdicts.push({ attempt: one.attempt, step: one.step, matches });
      if (matches) continue;
      metrics.count(HASH_MISMATCH_TOTAL);
      log.error('a log is not what its agent had', { attempt: one.attempt, step: one.step, again: false });
    }
    this.#seenBefore = seen;
    if (verdicts.length === 0) return;
    const marked = await store.execute('mark-verified', { logs: verdicts });
    if (!marked.ok) known.verdicts.push(...verdicts);
  }

  /** Null when it was stopped; a log that cannot be read has no hash. */
  async #digestOf({ attempt, step, length }: UnverifiedLog, signal: AbortSignal): Promise<string | null> {
    const hash = createHash('sha256');
    for (let byte = 0; byte < length;) {
      if (signal.aborted) return null;
      const slice = await readLog(this.#ports, attempt, step, { byte }, FRAME_BYTES);
      if (!slice.ok) return slice.error.code === 'internal' ? 'damaged' : null;
      if (slice.value.bytes.length === 0) return null;
      hash.update(slice.value.bytes);
      byte += slice.value.bytes.length;
    }
    return hash.digest('hex');
  }
}

function keyOf({ attempt, step }: { readonly attempt: string; readonly step: number }): string {
  return `${attempt} ${step}`;
}
