import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** Tests that run the command line run what is built, so it must be what the sources say. */
export default function globalSetup(): void {
  // What the tear-down ends is named after this process; workers inherit it.
  process.env.PACELINE_TEST_RUN = String(process.pid);
  execFileSync(fileURLToPath(new URL('../../scripts/prepare', import.meta.url)), { stdio: 'inherit' });
}
