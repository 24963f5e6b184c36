import type { Check } from './check.ts';
import type { DoctorSubject } from './doctor-subject.ts';
import { configurationCheck } from './configuration-check.ts';
import { folderChecks } from './folder-checks.ts';
import { leftoversCheck } from './leftovers-check.ts';
import { machineChecks } from './machine-checks.ts';
import { registrationCheck } from './registration-check.ts';
import { serverChecks } from './server-checks.ts';
import { toolChecks } from './tool-checks.ts';

/** Everything that the doctor looks at, in the order in which it is shown. */
export function allChecks(subject: DoctorSubject): Check[] {
  return [
    configurationCheck(subject),
    ...toolChecks(subject),
    ...machineChecks(subject),
    ...serverChecks(subject),
    registrationCheck(subject),
    ...folderChecks(subject),
    leftoversCheck(subject),
  ];
}
