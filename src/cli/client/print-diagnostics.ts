import type { Diagnostic } from '../../protocol/diagnostic.ts';
import { formatForPeople } from '../../workflow/format-diagnostics.ts';
import type { CliHost } from '../cli-host.ts';
import { wantsColour } from '../colour-choice.ts';
import type { CollectedWorkflow } from './collect-workflow.ts';

/** As `paceline lint` does, with the names that the person gave. */
export function printDiagnostics(
  diagnostics: readonly PlainDiagnostic[],
  collected: CollectedWorkflow | null,
  shown: string | undefined,
  flags: { readonly color: boolean },
  { stderr, environment }: CliHost,
): void {
  if (diagnostics.length === 0) return;
  const named = diagnostics.map((found): Diagnostic => ({
    length: 1,
    rule: '',
    ...found,
    file: shown !== undefined && found.file === collected?.path ? shown : found.file,
  }));
  const colour = wantsColour({ option: flags.color, environment, isTTY: stderr.isTTY });
  stderr.write(formatForPeople(named, new Map(collected?.sources), { colour }));
}

/** As a server tells it. */
export type PlainDiagnostic = Pick<Diagnostic, 'severity' | 'message' | 'file' | 'line' | 'column'> &
  Partial<Diagnostic>;
