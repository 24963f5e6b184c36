import type { FlowCase } from './case-file.ts';
import { type CaseAgents, type CaseHost, NO_TROUBLE, type Troubles } from './case-host.ts';
import { checkExpectations } from './check-expectations.ts';
import { CaseProblem } from './fields.ts';
import { translateCase, type TranslatedCase } from './translate-case.ts';
import { World } from './world.ts';

export interface CaseMode {
  readonly deliver: 'once' | 'twice';
  /** `each-commit`: a play for each commit, with a crash after it. `every-commit`: one play with as many crashes. */
  readonly crash: 'never' | 'each-commit' | 'every-commit';
}

/** Makes a host for one play of a case. */
export type OpenHost = (agents: CaseAgents, troubles: Troubles) => Promise<CaseHost> | CaseHost;

/** Plays a case as often as its mode says. @returns what differed, a line each; nothing when it passed. */
export async function runCase(flowCase: FlowCase, mode: CaseMode, open: OpenHost): Promise<string[]> {
  try {
    const translated = translateCase(flowCase);
    const twice = translated.twice || mode.deliver === 'twice';
    const crash = mode.crash === 'never' && translated.crash ? 'each-commit' : mode.crash;
    if (crash === 'every-commit') return await playWithCrashes(translated, twice, 0, open);
    const { commits, differences } = await play(translated, { ...NO_TROUBLE, twice }, open);
    if (differences.length > 0 || crash === 'never') return differences;
    return await playWithCrashes(translated, twice, commits, open);
  } catch (error) {
    if (error instanceof CaseProblem) return [error.message];
    return [`it broke: ${(error as Error).stack?.split('\n').slice(0, 4).join(' ') ?? String(error)}`];
  }
}

/** Once for each of the first commits, with a crash after it, and once with a crash after every one. */
async function playWithCrashes(
  translated: TranslatedCase,
  twice: boolean,
  commits: number,
  open: OpenHost,
): Promise<string[]> {
  for (let point = 1; point <= commits; point++) {
    const crashAfter = (commit: number): boolean => commit === point;
    const { differences } = await play(translated, { twice, crashAfter }, open);
    if (differences.length > 0) return differences.map((line) => `${line} (crash after commit ${point})`);
  }
  const { differences } = await play(translated, { twice, crashAfter: () => true }, open);
  return differences.map((line) => `${line} (crash after every commit)`);
}

async function play(
  translated: TranslatedCase,
  troubles: Troubles,
  open: OpenHost,
): Promise<{ readonly commits: number; readonly differences: string[] }> {
  const world = new World(translated);
  const host = await open(world, troubles);
  try {
    await world.play(host);
    const runs = world.runs.map((_, run) => run);
    const shown = await Promise.all(runs.map((run) => host.show(run)));
    const keys = await Promise.all(runs.map((run) => host.keys(run)));
    return { commits: host.commits, differences: checkExpectations({ translated, world, shown, keys }) };
  } finally {
    await host.close();
  }
}
