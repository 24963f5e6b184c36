import { Command, CommanderError } from 'commander';
import type { CliHost } from './cli-host.ts';
import type { CommandContext, DefineCommand } from './command-context.ts';
import { EXIT, type ExitCode } from './exit-codes.ts';

/** Reads the command line and does what it says. Only the modules of the chosen command are loaded. */
export async function runProgram(args: readonly string[], host: CliHost): Promise<ExitCode> {
  let code: ExitCode = EXIT.success;
  const context: CommandContext = { host, end: (given) => (code = given), wholeProgram: () => wholeProgram(host) };
  const program = newProgram(host);
  const chosen = COMMANDS.find(({ name }) => name === args[0]);
  if (chosen) await addCommand(program, chosen, context);
  else for (const { name, description, hidden } of COMMANDS) program.command(name, { hidden }).description(description);

  try {
    if (args.length === 0) program.help({ error: true });
    await program.parseAsync(args, { from: 'user' });
    return code;
  } catch (error) {
    // Help and version end this way too, with exit code 0.
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.success : EXIT.usage;
    throw error;
  }
}

/** With every command, none of which is going to be run. */
export async function wholeProgram(host: CliHost): Promise<Command> {
  const program = newProgram(host);
  const context: CommandContext = { host, end: () => undefined, wholeProgram: () => Promise.resolve(program) };
  for (const entry of COMMANDS) if (!entry.hidden) await addCommand(program, entry, context);
  return program;
}

function newProgram(host: CliHost): Command {
  return new Command('paceline')
    .description('Runs GitHub Actions workflow files on your own machines, their steps side by side.')
    .version(host.version, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .helpCommand(false)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => host.stdout.write(text),
      writeErr: (text) => host.stderr.write(text),
      outputError: (text, write) => write(text.replace(/^error: /, 'paceline: ')),
      getOutHelpWidth: () => Math.min(host.stdout.columns, MAX_HELP_COLUMNS),
      getErrHelpWidth: () => Math.min(host.stderr.columns, MAX_HELP_COLUMNS),
    })
    .addHelpText('after', EXAMPLES);
}

async function addCommand(
  program: Command,
  { name, description, load }: CommandEntry,
  context: CommandContext,
): Promise<void> {
  (await load())(program.command(name).description(description), context);
}

const MAX_HELP_COLUMNS = 120;

interface CommandEntry {
  readonly name: string;
  readonly description: string;
  /** Not for people. */
  readonly hidden: boolean;
  readonly load: () => Promise<DefineCommand>;
}

function entry(name: string, description: string, load: () => Promise<DefineCommand>): CommandEntry {
  return { name, description, hidden: false, load };
}

// Each of the modules client, server and agent is a bundle of its own: what a plain run does not need, it does not read.
const COMMANDS: readonly CommandEntry[] = [
  entry('run', 'run a workflow file in the current folder', async () => (await import('./commands/run.ts')).defineRun),
  entry(
    'lint',
    'check workflow and action files without running them',
    async () => (await import('./commands/lint.ts')).defineLint,
  ),
  entry(
    'up',
    'start a server and an agent here, run an example, show it live',
    async () => (await import('./commands/client.ts')).clientCommands.up,
  ),
  entry(
    'server',
    'start a control server; back it up, restore it',
    async () => (await import('./commands/server.ts')).defineServer,
  ),
  entry(
    'agent',
    'register and run an agent that takes jobs from a server',
    async () => (await import('./commands/agent.ts')).defineAgent,
  ),
  entry(
    'service',
    'make an installed runner a service of the system (svc.sh), start it, stop it, remove it',
    async () => (await import('./commands/agent.ts')).defineService,
  ),
  entry(
    'doctor',
    'look at everything that a runner needs, and say what is wrong',
    async () => (await import('./commands/agent.ts')).defineDoctor,
  ),
  entry(
    'login',
    'keep the address and a token of a server',
    async () => (await import('./commands/client.ts')).clientCommands.login,
  ),
  entry(
    'submit',
    'give a server a workflow to run',
    async () => (await import('./commands/client.ts')).clientCommands.submit,
  ),
  entry(
    'runs',
    'list, show, watch, cancel and re-run runs; read and search logs',
    async () => (await import('./commands/client.ts')).clientCommands.runs,
  ),
  entry(
    'runners',
    'list, pause, drain and remove the runners of a server',
    async () => (await import('./commands/client.ts')).clientCommands.runners,
  ),
  entry(
    'groups',
    'say which repositories may use which runners',
    async () => (await import('./commands/client.ts')).clientCommands.groups,
  ),
  entry(
    'pools',
    'show what a group of runners needs, for autoscalers',
    async () => (await import('./commands/client.ts')).clientCommands.pools,
  ),
  entry(
    'tokens',
    'create, list and revoke tokens',
    async () => (await import('./commands/client.ts')).clientCommands.tokens,
  ),
  entry(
    'secrets',
    'set, list and remove secrets',
    async () => (await import('./commands/client.ts')).clientCommands.secrets,
  ),
  entry(
    'variables',
    'set, list and remove configuration variables',
    async () => (await import('./commands/client.ts')).clientCommands.variables,
  ),
  entry(
    'repositories',
    'register, list and remove repositories',
    async () => (await import('./commands/client.ts')).clientCommands.repositories,
  ),
  entry(
    'audit',
    'show who changed what on a server',
    async () => (await import('./commands/client.ts')).clientCommands.audit,
  ),
  entry(
    'completion',
    'print a completion script for a shell',
    async () => (await import('./commands/completion.ts')).defineCompletion,
  ),
  entry('man', 'print the manual page', async () => (await import('./commands/man.ts')).defineMan),
  {
    name: 'worker',
    description: 'run one job for an agent',
    hidden: true,
    load: async () => (await import('./commands/worker.ts')).defineWorker,
  },
];

const EXAMPLES = `
Examples:
  paceline run .github/workflows/ci.yml
  paceline lint .github/workflows/*.yml
  paceline up
  paceline submit .github/workflows/ci.yml --watch

Exit codes: 0 success, 1 the run failed, 2 usage or an invalid file, 3 cancelled,
4 could not reach or authenticate, 70 internal error.`;
