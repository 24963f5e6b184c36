import { join } from 'node:path';
import { InstallProblem } from './install-problem.ts';
import type { RunnerFolder } from './runner-folder.ts';
import { isUnknownCommand, type RunTool } from './run-tool.ts';

/** What the doctor finds wrong and a new version cannot come up with. */
const NEEDED = ['node', 'server', 'certificates', 'proxy', 'registration'];

/**
 * Has a version say its name and look at what it needs, before anything that runs is touched. Rejects with an
 * {@link InstallProblem} that says what is wrong. One from before there was a doctor has its name to say alone.
 */
export async function tryVersion(folder: RunnerFolder, version: string, runTool: RunTool): Promise<void> {
  const command = join(folder.versions, version, 'paceline');
  const told = await runTool(command, ['--version']);
  if (told.code !== 0 || told.stdout.trim() !== version)
    throw new InstallProblem(
      `Version ${version} does not run on this machine: ${firstLine(told.stderr) ?? `it says '${told.stdout.trim()}'`}.`,
      'failed',
    );
  const doctor = await runTool(command, ['doctor', '--folder', folder.root, '--json']);
  const checks = isUnknownCommand(doctor.stderr) ? [] : checksIn(doctor.stdout);
  if (checks === null)
    throw new InstallProblem(
      `Version ${version} cannot look at this machine: ${firstLine(doctor.stderr) ?? `its doctor ended with ${doctor.code}`}.`,
      'failed',
    );
  const wrong = checks.filter(({ id, verdict }) => verdict === 'wrong' && NEEDED.includes(id));
  const [first] = wrong;
  if (first !== undefined)
    throw new InstallProblem(
      `Version ${version} would not come up here: ${first.found} ${first.remedy ?? ''}`.trim(),
      'failed',
    );
}

interface Found {
  readonly id: string;
  readonly verdict: string;
  readonly found: string;
  readonly remedy: string | null;
}

/** Null: it said something else, or nothing. */
function checksIn(text: string): readonly Found[] | null {
  try {
    return (JSON.parse(text) as { checks: Found[] }).checks;
  } catch {
    return null;
  }
}

function firstLine(text: string): string | null {
  return text.trim().split('\n')[0]?.replace(/\.$/, '') || null;
}
