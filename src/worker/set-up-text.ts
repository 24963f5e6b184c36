import type { Json } from '../protocol/job-message.ts';
import type { JobPremises } from './job-premises.ts';

/** What the log of "Set up job" begins with: who runs what, where. */
export function describeJob({ message, host }: Pick<JobPremises, 'message' | 'host'>): readonly string[] {
  const { github, inputs, matrix } = message.contexts;
  const { runner, workspace, version, node } = host;
  return [
    `Paceline ${version} on Node.js ${node.version}`,
    ...group('Runner', [
      ['Name', runner.name],
      ['System', `${runner.os} ${runner.arch}`],
      ['Workspace', workspace],
    ]),
    ...group('Run', [
      ['Workflow', text(github.workflow)],
      ['Job', message.displayName],
      ['Event', text(github.event_name)],
      ['Repository', text(github.repository)],
      ['Ref', text(github.ref)],
      ['Commit', text(github.sha).replace(NO_COMMIT, '')],
    ]),
    ...group(
      'Inputs',
      Object.entries(inputs).map(([name, value]) => [name, text(value)]),
    ),
    ...group(
      'Matrix',
      Object.entries(matrix ?? {}).map(([name, value]) => [name, text(value)]),
    ),
  ];
}

/** What stands for a commit where there is none. */
const NO_COMMIT = /^0+$/;

/** Nothing, when nothing of it is known. */
function group(title: string, lines: readonly (readonly [string, string])[]): string[] {
  const known = lines.filter(([, value]) => value !== '').map(([name, value]) => `${name}: ${value}`);
  return known.length === 0 ? [] : [`##[group]${title}`, ...known, '##[endgroup]'];
}

function text(value: Json | undefined): string {
  if (value === undefined || value === null) return '';
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}
