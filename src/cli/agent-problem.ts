import { asSentence } from './client/request-problem.ts';
import { CommandProblem } from './command-problem.ts';
import { EXIT } from './exit-codes.ts';
import { machineProblem } from './machine-problem.ts';

/** What a person can do something about becomes the end of the command. By name: bundles have classes of their own. */
export async function asProblem<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    if (error.name === 'InstallProblem') {
      const hasFailed = 'kind' in error && error.kind === 'failed';
      throw new CommandProblem(hasFailed ? EXIT.runFailed : EXIT.usage, error.message);
    }
    if (error.name === 'NetworkProblem') throw new CommandProblem(EXIT.usage, asSentence(error.message));
    if (error.name !== 'AgentProblem') throw machineProblem(error) ?? error;
    const isUsage = 'kind' in error && error.kind === 'usage';
    throw new CommandProblem(isUsage ? EXIT.usage : EXIT.unreachable, asSentence(error.message));
  }
}
