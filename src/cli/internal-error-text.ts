/** What a user sees of a fault of ours: one sentence and how to report it; the stack for who asks. Ends with a line break. */
export function internalErrorText(error: unknown, version: string, debug: boolean): string {
  const message = (error instanceof Error ? error.message : String(error)).split('\n', 1)[0] ?? '';
  const stack = error instanceof Error ? error.stack : undefined;
  const report = debug
    ? `${stack ?? message}\n`
    : 'Please report it with what PACELINE_LOG=debug prints, run the same way.\n';
  return `paceline: internal error: ${message}. This is a bug in Paceline ${version}.\n${report}`;
}
