import type { RunnerConfig } from '../config/runner-config.ts';
import { openDiagnosticLog, type OpenDiagnosticLog } from '../kernel/diagnostic-log.ts';
import type { CliHost } from './cli-host.ts';

/** Of what stays up for long and is looked at by nobody: troubles are told where nothing else was asked for. */
const LEAST_LEVEL = 'warn';

export function openServiceLog({ log }: RunnerConfig, { environment }: CliHost): Promise<OpenDiagnosticLog> {
  const isChosen = log.level !== 'off' || environment.PACELINE_LOG !== undefined;
  return openDiagnosticLog({ ...log, level: isChosen ? log.level : LEAST_LEVEL });
}
