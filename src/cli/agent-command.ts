import type { AgentStatus } from '../agent/agent-ports.ts';
import type { AgentFacts } from '../agent/agent-status.ts';
import type { RunnerConfig } from '../config/runner-config.ts';
import { systemClock } from '../kernel/clock.ts';
import { serviceManager } from '../process/service-manager.ts';
import { agoText, printJson, printTable } from './client/print.ts';
import { readSecretText } from './client/secret-text.ts';
import { serverUrl } from './client/server-choice.ts';
import { asProblem } from './agent-problem.ts';
import type { CliHost } from './cli-host.ts';
import { CommandProblem } from './command-problem.ts';
import { configOf } from './config-of.ts';
import { EXIT, type ExitCode } from './exit-codes.ts';
import { failpointOf } from './failpoint-of.ts';
import {
  agentEnvironment,
  machineRunnerName,
  networkSettings,
  runtimeDirectory,
  stateDirectory,
} from './agent-machine.ts';
import { runnerNameProblem } from './option-values.ts';
import { openServiceLog } from './open-log.ts';
import { onStopRequests } from './stop-requests.ts';

interface PlaceFlags {
  readonly state?: string;
  readonly config?: string;
}

export interface RegisterFlags extends PlaceFlags {
  readonly server?: string;
  readonly tokenFile: string;
  readonly name?: string;
  readonly labels?: readonly string[];
  readonly ephemeral?: boolean;
  readonly replace?: boolean;
}

export interface RunAgentFlags extends PlaceFlags {
  readonly slots?: number;
  readonly labels?: readonly string[];
  readonly ephemeral?: boolean;
  readonly takeover?: boolean;
  /** With a configuration for one job. */
  readonly jitFile?: string;
}

export async function registerCommand(flags: RegisterFlags, host: CliHost): Promise<ExitCode> {
  const config = await configOf(flags.config, host);
  const server = flags.server ?? config.agent.server ?? (host.environment.PACELINE_SERVER || null);
  if (server === null)
    throw new CommandProblem(EXIT.usage, 'No server is named: --server URL, agent.server or PACELINE_SERVER does it.');
  const nameProblem = runnerNameProblem(flags.name ?? machineRunnerName());
  if (nameProblem !== null) throw new CommandProblem(EXIT.usage, nameProblem);
  const state = stateDirectory(flags.state, config, host);
  const token = (await readSecretText(flags.tokenFile, '--token-file', host)).trim();
  const { registerAgent } = await import('../agent/register-agent.ts');
  const { name } = await asProblem(
    registerAgent({
      server: serverUrl(server),
      token,
      name: flags.name ?? machineRunnerName(),
      labels: flags.labels ?? config.agent.labels,
      ephemeral: flags.ephemeral ?? config.agent.ephemeral,
      replace: flags.replace ?? false,
      stateDirectory: state,
      network: networkSettings(config, host),
    }),
  );
  // As it was said here: another folder has no runner.
  const where = flags.state === undefined ? '' : ` --state ${flags.state}`;
  const how = flags.config === undefined ? '' : ` --config ${flags.config}`;
  host.stdout.write(
    `Runner ${name} is registered; its credentials are in ${state}. \`paceline agent run${where}${how}\` takes jobs.\n`,
  );
  return EXIT.success;
}

/** Until it is told to end, or the server says so. */
export async function runAgentCommand(
  flags: RunAgentFlags,
  host: CliHost,
  /** When it has ended with nothing left to send. */
  afterwards: () => Promise<void> = () => Promise.resolve(),
): Promise<ExitCode> {
  const given = await configOf(flags.config, host);
  const { slots = given.agent.slots, labels = given.agent.labels, ephemeral = given.agent.ephemeral } = flags;
  const config: RunnerConfig = { ...given, agent: { ...given.agent, slots, labels: [...labels], ephemeral } };
  const state = stateDirectory(flags.state, config, host);
  const log = await openServiceLog(config, host);
  const { startAgent } = await import('../agent/start-agent.ts');
  try {
    const agent = await asProblem(
      startAgent({
        config,
        stateDirectory: state,
        runtimeDirectory: runtimeDirectory(state, host),
        worker: host.self,
        environment: agentEnvironment(host),
        network: networkSettings(config, host),
        version: host.version,
        takeover: flags.takeover ?? false,
        log,
        connected: () => host.stderr.write(`The agent takes jobs, ${config.agent.slots} at once. Ctrl-C drains it.\n`),
        failpoint: failpointOf(host),
      }),
    );
    const manager = serviceManager({ environment: host.environment, clock: systemClock, log });
    manager.ready();
    const stopListening = onStopRequests(host.environment, (count) => {
      if (count === 1) {
        host.stderr.write('Draining: no more jobs are taken; the agent ends when those that run have ended.\n');
        manager.stopping();
        agent.drain();
        void manager.goesDown().then((goesDown) => {
          if (!goesDown) return;
          host.stderr.write('The machine goes down: cancelling what runs; post steps still run.\n');
          agent.cancel();
        });
      } else if (count === 2) {
        host.stderr.write('Cancelling what runs; post steps still run.\n');
        agent.cancel();
      } else agent.kill();
    });
    // Whoever reads this may end it.
    host.stderr.write('Connecting to the server; Ctrl-C ends the agent.\n');
    try {
      const exit = await agent.finished;
      host.stderr.write(`${exit.message}\n`);
      if (exit.unsent)
        host.stderr.write(`Not everything reached the server; it is in ${state}, and the next start sends it.\n`);
      else await afterwards();
      return exit.exitCode as ExitCode;
    } finally {
      manager.close();
      stopListening();
    }
  } finally {
    await log.close();
  }
}

export async function drainCommand(flags: PlaceFlags, host: CliHost): Promise<ExitCode> {
  const state = stateDirectory(flags.state, await configOf(flags.config, host), host);
  const { drainAgent } = await import('../agent/agent-status.ts');
  if (!(await asProblem(drainAgent(state)))) throw new CommandProblem(EXIT.usage, `No agent runs in ${state}.`);
  host.stdout.write('The agent takes no more jobs, and ends when those that run have ended.\n');
  return EXIT.success;
}

export async function statusCommand(
  flags: PlaceFlags & { readonly json?: boolean; readonly check?: boolean },
  host: CliHost,
): Promise<ExitCode> {
  const state = stateDirectory(flags.state, await configOf(flags.config, host), host);
  const { agentStatus } = await import('../agent/agent-status.ts');
  const facts = await asProblem(agentStatus(state));
  if (flags.json === true) printJson(facts, host);
  else printStatus(facts, state, host);
  return flags.check === true && !isWell(facts) ? EXIT.runFailed : EXIT.success;
}

export interface RemoveFlags extends PlaceFlags {
  readonly local?: boolean;
  readonly force?: boolean;
}

export async function removeCommand(flags: RemoveFlags, host: CliHost): Promise<ExitCode> {
  const config = await configOf(flags.config, host);
  const state = stateDirectory(flags.state, config, host);
  const { removeAgent } = await import('../agent/remove-agent.ts');
  const { local = false, force = false } = flags;
  const { version } = host;
  const own = { stateDirectory: state, local, force, network: networkSettings(config, host), version };
  const { name, server, isListed } = await asProblem(removeAgent(own));
  const where = isListed
    ? `; ${server ?? 'its server'} was not told: \`paceline runners remove ${name ?? 'NAME'}\` takes it off its list`
    : '';
  host.stdout.write(`${name === null ? 'What was left' : `The runner ${name}`} in ${state} is removed${where}.\n`);
  return EXIT.success;
}

/** One that lost its server while jobs run is: they go on, and whoever ends it would end them. */
function isWell({ pid, status }: AgentFacts): boolean {
  if (pid === null || status === null) return false;
  return AT_WORK.has(status.state) || status.jobs.length > 0;
}

const AT_WORK: ReadonlySet<string> = new Set(['idle', 'busy', 'paused', 'draining'] satisfies AgentStatus['state'][]);

function printStatus({ registered, pid, status, writtenAt }: AgentFacts, state: string, host: CliHost): void {
  const { stdout } = host;
  if (registered === null) {
    stdout.write(`No runner is registered in ${state}.\n`);
    return;
  }
  stdout.write(
    `Runner ${registered.name} of ${registered.server}: ${pid === null ? 'not running' : `process ${pid}`}\n`,
  );
  if (status === null || writtenAt === null) return;
  const told = new Date(writtenAt).toISOString();
  const note = status.note === null ? '' : `, ${status.note}`;
  stdout.write(`${pid === null ? `last ${status.state}` : status.state}${note}, ${agoText(told, Date.now())}\n`);
  if (status.jobs.length === 0) return;
  stdout.write('\n');
  printTable(
    [
      { title: 'RUN', text: ({ run }) => String(run), right: true },
      { title: 'JOB', text: ({ job }) => job, least: 10 },
      { title: 'STATE', text: (job) => job.state },
      { title: 'UNSENT', text: ({ records, logBytes }) => `${records} records, ${logBytes} bytes of logs` },
    ],
    status.jobs,
    '',
    host,
  );
}
