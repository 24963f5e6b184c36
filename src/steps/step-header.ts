import type { StepLog } from './step-log.ts';

/** GitHub shows scripts in bright cyan. */
const CYAN = '\u001b[36;1m';
const RESET = '\u001b[0m';

export type StepHeader =
  | { readonly script: string; readonly shell: string; readonly env: ReadonlyMap<string, string> }
  | {
      readonly uses: string;
      readonly inputs: ReadonlyMap<string, string>;
      readonly env: ReadonlyMap<string, string>;
    };

/** The group that begins a step's log and says what it runs, as on GitHub (runner-behaviour 2.6). In one write. */
export function writeHeader(log: StepLog, header: StepHeader): void {
  const lines =
    'script' in header
      ? [
          `##[group]Run ${firstLine(header.script)}`,
          ...header.script
            .trimEnd()
            .split(/\r?\n/)
            .map((line) => CYAN + line + RESET),
          `shell: ${header.shell}`,
        ]
      : [`##[group]Run ${header.uses}`, ...list('with', header.inputs)];
  log.line([...lines, ...list('env', header.env), '##[endgroup]'].join('\n'));
}

function firstLine(script: string): string {
  return script.trimStart().split(/\r?\n/, 1)[0]?.trimEnd() ?? '';
}

/** What is empty is not shown, as on GitHub. */
function list(title: string, values: ReadonlyMap<string, string>): string[] {
  const lines = [...values].filter(([, value]) => value !== '').map(([name, value]) => `  ${name}: ${value}`);
  return lines.length === 0 ? [] : [`${title}:`, ...lines];
}
