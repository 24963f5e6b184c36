import { z } from 'zod';
import { type ConfigValueKind, variableOf } from '../src/config/runner-config-variables.ts';
import { runnerConfigSchema } from '../src/config/runner-config-schema.ts';

/** `docs/configure.md`, made from the schema of `runner.config.json`. */
export function configurePage(): string {
  const root = z.toJSONSchema(runnerConfigSchema, { io: 'input' }) as Node;
  return `${[INTRODUCTION, ...sectionsOf(root)].join('\n\n')}\n`;
}

/** What is read here of a JSON Schema. */
interface Node {
  readonly type?: string | undefined;
  readonly description?: string;
  readonly default?: unknown;
  readonly properties?: Readonly<Record<string, Node>>;
  readonly anyOf?: readonly Node[];
  readonly enum?: readonly unknown[];
  readonly items?: Node;
  readonly minimum?: number;
  readonly exclusiveMinimum?: number;
  readonly maximum?: number;
}

const INTRODUCTION = `# Configuration

<!-- Made from the schema by scripts/schemas.mjs: change src/config/runner-config-schema.ts, and the titles in
scripts/configure-page.ts. -->

Settings come from \`runner.config.json\` in the folder where a command is started (for \`paceline run\` in the workspace),
or from the file that \`--config\` names. The file holds no secret. An unknown key, a value of another type and a number
out of bounds are refused with their line and column.

1. An option of the command outranks
2. the environment variable of a key, which outranks
3. the file, which outranks
4. the default.

In the file:

\`\`\`json
{
  "$schema": "./node_modules/paceline/schemas/runner.config.schema.json",
  "maxBackground": 4,
  "agent": { "slots": 2, "labels": ["gpu"] }
}
\`\`\`

The same by variables: \`PACELINE_MAX_BACKGROUND=4\`, \`PACELINE_AGENT_SLOTS=2\`, \`PACELINE_AGENT_LABELS=gpu\`. An empty
variable counts as not set. A list is separated by commas, a list of folders as \`PATH\` is; \`true\`, \`1\`, \`false\` and \`0\`
are yes and no.

The end of a name is its unit: \`…Seconds\` (a fraction is allowed), \`…Days\`, \`…Mb\` (1024 × 1024 bytes), \`…Gb\` (1024 of
those). Relative paths in the file are relative to its folder, those in variables to the current one. \`null\` stands for
what the meaning says. [A file with every default](../runner.config.json) shows them all;
[the schema](../schemas/runner.config.schema.json), which the package has too, lets editors complete them.`;

/** A heading for each group of keys; the group of the keys at the top has the name of the empty text. */
const TITLES: Readonly<Record<string, string>> = {
  '': 'Steps and jobs',
  stopGrace: 'Ending a step',
  actions: 'Actions',
  hooks: 'Hooks',
  log: 'The diagnostic log',
  agent: 'Agent',
  server: 'Server',
  'server.tls': 'TLS of the server',
};

function sectionsOf(node: Node, path: readonly string[] = []): string[] {
  const entries = Object.entries(node.properties ?? {}).filter(([name]) => name !== '$schema');
  const rows = entries.filter(([, { properties }]) => !properties).map(([name, key]) => rowOf([...path, name], key));
  const section = [
    `## ${titleOf(path)}`,
    // The introduction says what the file is.
    ...(node.description === undefined || path.length === 0 ? [] : [node.description]),
    ['| key | default | value | variable | |', '|---|---|---|---|---|', ...rows].join('\n'),
  ].join('\n\n');
  const inner = entries.filter(([, { properties }]) => properties);
  return [section, ...inner.flatMap(([name, group]) => sectionsOf(group, [...path, name]))];
}

function titleOf(path: readonly string[]): string {
  const title = TITLES[path.join('.')];
  if (title === undefined) throw new Error(`scripts/configure-page.ts has no title for ${path.join('.')}`);
  return title;
}

function rowOf(path: readonly string[], node: Node): string {
  const known = variableOf(path);
  const meaning = (node.description ?? '').replace(` Environment variable: ${known.variable}.`, '');
  const cells = [
    code(path.join('.')),
    defaultText(node.default),
    valueText(node, known.kind),
    code(known.variable),
    meaning,
  ];
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
}

function defaultText(value: unknown): string {
  // Only empty lists and mappings are a default.
  if (typeof value === 'object' && value !== null) return 'none';
  return code(value);
}

/** What it may be, without `null`. */
function valueText(node: Node, kind: ConfigValueKind): string {
  const [some] = node.anyOf?.filter(({ type }) => type !== 'null') ?? [];
  const { type, enum: choices, minimum, exclusiveMinimum, maximum } = some ?? node;
  if (choices) return choices.map(code).join(', ');
  switch (kind) {
    case 'number': {
      const from = exclusiveMinimum === undefined ? `from ${String(minimum)}` : `above ${exclusiveMinimum}`;
      return `${type === 'integer' ? 'whole number' : 'number'} ${from}, at most ${String(maximum)}`;
    }
    case 'boolean':
      return '`true`, `false`';
    case 'paths':
      return 'list of folders';
    case 'path-map':
      return 'mapping to paths';
    case 'list':
    case 'path':
    case 'text':
      return kind;
  }
}

function code(value: unknown): string {
  return `\`${String(value)}\``;
}
