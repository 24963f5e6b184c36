import { tmpdir } from 'node:os';
import type { DoctorSubject } from '../../src/doctor/doctor-subject.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { DIRECT } from '../support/direct-network.ts';

/** A machine without a runner, but for what is given. */
export function subjectWith(given: Partial<DoctorSubject>): DoctorSubject {
  return {
    serviceFile: null,
    configuration: { problems: [], healthScript: null },
    stateDirectory: '/nowhere/state',
    runtimeDirectory: '/nowhere/run',
    temporaryDirectory: tmpdir(),
    minFreeDiskMb: 1,
    registration: { kind: 'none' },
    server: null,
    network: DIRECT,
    environment: { PATH: process.env.PATH },
    nodeVersion: process.version,
    clock: systemClock,
    ...given,
  };
}
