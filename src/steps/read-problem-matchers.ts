import { readFileSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import type { ProblemMatcher } from './matcher-set.ts';
import { parseProblemMatchers } from './parse-problem-matchers.ts';

/** The matchers of a file, looked up from the workspace on; one sentence when there are none to read. */
export function readProblemMatchers(file: string, workspace: string): readonly ProblemMatcher[] | string {
  const path = resolve(workspace, file);
  try {
    const status = statSync(path);
    if (!status.isFile()) return `The problem matcher '${file}' is no file.`;
    if (status.size > MAX_MATCHER_FILE_BYTES) {
      return `The problem matcher file '${file}' has more than ${MAX_MATCHER_FILE_BYTES} bytes.`;
    }
    const parsed = parseProblemMatchers(readFileSync(path, 'utf8'));
    return parsed.kind === 'matchers' ? parsed.matchers : `The problem matcher file '${file}': ${parsed.message}`;
  } catch (cause) {
    return `The problem matcher file '${file}' cannot be read: ${(cause as Error).message}`;
  }
}

const MAX_MATCHER_FILE_BYTES = 1_048_576;
