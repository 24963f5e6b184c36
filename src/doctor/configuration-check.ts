import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import type { Check, Finding } from './check.ts';
import type { DoctorSubject } from './doctor-subject.ts';
import { ok, wrong } from './findings.ts';

/** What `runner.config.json` and the variables say, as far as the agent would start with it. */
export function configurationCheck(subject: DoctorSubject): Check {
  return { id: 'configuration', title: 'Configuration', run: () => look(subject) };
}

async function look({ configuration: { problems, healthScript } }: DoctorSubject): Promise<Finding> {
  if (problems.length > 0)
    return wrong(
      problems.join(' '),
      'Mend it there; docs/configure.md has every key. What else was looked at was so with the defaults.',
    );
  if (healthScript === null) return ok('It has no errors.');
  try {
    await access(healthScript, constants.X_OK);
    return ok(`It has no errors, and the health script ${healthScript} can be started.`);
  } catch (error) {
    const why = (error as NodeJS.ErrnoException).code ?? String(error);
    return wrong(
      `The health script ${healthScript} cannot be started (${why}), so that the agent takes no job.`,
      'Put it there as an executable file, or take agent.healthScript out.',
    );
  }
}
