import { appendExtents } from './append-extents.ts';
import { findLog, listLogs } from './find-log.ts';
import { cutLog, listUnverifiedLogs, markVerified, resetLog } from './mark-logs.ts';
import { deleteExpired, measureLogs, removeOldestLogs, retireRuns, trimHistory } from './retention-operations.ts';
import { findUnusedSegments, hasAttempt, markRebuilt, markSegments, needsRebuild } from './segment-operations.ts';

export const logOperations = {
  'append-extents': appendExtents,
  'list-logs': listLogs,
  'find-log': findLog,
  'cut-log': cutLog,
  'reset-log': resetLog,
  'list-unverified-logs': listUnverifiedLogs,
  'mark-verified': markVerified,
  'mark-segments': markSegments,
  'find-unused-segments': findUnusedSegments,
  'has-attempt': hasAttempt,
  'needs-log-rebuild': needsRebuild,
  'mark-logs-rebuilt': markRebuilt,
  'retire-runs': retireRuns,
  'measure-logs': measureLogs,
  'remove-oldest-logs': removeOldestLogs,
  'trim-history': trimHistory,
  'delete-expired': deleteExpired,
};

export const LOG_READS = [
  'list-logs',
  'find-log',
  'list-unverified-logs',
  'mark-segments',
  'find-unused-segments',
  'has-attempt',
  'needs-log-rebuild',
  'measure-logs',
] as const satisfies readonly (keyof typeof logOperations)[];
