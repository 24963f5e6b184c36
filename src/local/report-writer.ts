import { randomUUID } from 'node:crypto';
import { accessSync, constants, mkdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { Report } from '../protocol/report.ts';

/** Throws an error that says why a report could not be written there; asked before a run, not after it. */
export function checkReportPath(path: string): void {
  if (isStream(path)) return;
  mkdirSync(dirname(path), { recursive: true });
  accessSync(dirname(path), constants.W_OK);
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) throw new Error('it is a folder');
}

/**
 * Writes the report as JSON, as a whole or not at all: a reader never sees half of it. Synchronous, so that it also
 * works on the way out. Throws the system's error.
 */
export function writeReport(path: string, report: Report): void {
  const text = `${JSON.stringify(report, null, 2)}\n`;
  if (isStream(path)) {
    writeFileSync(path, text);
    return;
  }
  const incoming = join(dirname(path), `.${basename(path)}.${randomUUID()}`);
  try {
    writeFileSync(incoming, text, { flag: 'wx' });
    renameSync(incoming, path);
  } catch (error) {
    rmSync(incoming, { force: true });
    throw error;
  }
}

/** `/dev/stdout`, a FIFO: nothing that a file could be renamed over. */
function isStream(path: string): boolean {
  const found = statSync(path, { throwIfNoEntry: false });
  return found !== undefined && !found.isFile() && !found.isDirectory();
}
