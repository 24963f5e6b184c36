/** The program behind scripts/flow-cases. */
import { readFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { CaseFileProblem, type FlowCase, readCaseFile } from './case-file.ts';
import { endPostgresServers, WAY_OUT } from '../support/postgres-server.ts';
import { type CaseMode, runCase } from './run-case.ts';
import { openHosts, type StoreKind } from './open-hosts.ts';

const USAGE =
  'usage: scripts/flow-cases [--store memory|sqlite|postgres] [--deliver twice] [--crash each-commit] [--filter TEXT] FILE…';

class UsageProblem extends Error {}

/** Cannot be used, whatever the reason: a file or an argument. */
const NOT_USABLE = 2;

async function main(args: readonly string[]): Promise<number> {
  try {
    const { files, filter, mode, store } = readArguments(args);
    const cases = await readCases(files);
    const chosen = cases.filter(({ id }) => id.includes(filter));
    return await runAll(chosen, mode, store);
  } catch (error) {
    const { message } = error as Error;
    if (!(error instanceof CaseFileProblem) && !(error instanceof UsageProblem) && message !== WAY_OUT) throw error;
    console.error(message);
    return NOT_USABLE;
  } finally {
    await endPostgresServers();
  }
}

async function runAll(cases: readonly FlowCase[], mode: CaseMode, store: StoreKind): Promise<number> {
  const hosts = await openHosts(store);
  let failed = 0;
  try {
    for (const flowCase of cases) {
      const differences = await runCase(flowCase, mode, hosts.open);
      if (differences.length === 0) continue;
      failed++;
      console.log(`${flowCase.id}: ${differences.join('; ')}`);
    }
  } finally {
    await hosts.close();
  }
  console.log(`${cases.length - failed} passed, ${failed} failed`);
  return failed === 0 ? 0 : 1;
}

async function readCases(files: readonly string[]): Promise<FlowCase[]> {
  const lists: FlowCase[][] = [];
  for (const file of files) {
    try {
      lists.push(readCaseFile(await readFile(file, 'utf8')));
    } catch (error) {
      throw new CaseFileProblem(`${file} cannot be used: ${(error as Error).message}`, { cause: error });
    }
  }
  return lists.flat();
}

function readArguments(args: readonly string[]): { files: string[]; filter: string; mode: CaseMode; store: StoreKind } {
  const { values, positionals } = parse(args);
  const { deliver, crash, store, filter } = values;
  if (positionals.length === 0) throw new UsageProblem(USAGE);
  if (deliver !== 'once' && deliver !== 'twice') throw new UsageProblem(`--deliver is once or twice, not '${deliver}'`);
  if (crash !== 'never' && crash !== 'each-commit') throw new UsageProblem(`--crash is each-commit, not '${crash}'`);
  if (store !== 'memory' && store !== 'sqlite' && store !== 'postgres')
    throw new UsageProblem(`--store is memory, sqlite or postgres, not '${store}'`);
  return { files: positionals, filter, mode: { deliver, crash }, store };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        store: { type: 'string', default: 'memory' },
        deliver: { type: 'string', default: 'once' },
        crash: { type: 'string', default: 'never' },
        filter: { type: 'string', default: '' },
      },
    });
  } catch (error) {
    throw new UsageProblem(`${(error as Error).message}\n${USAGE}`, { cause: error });
  }
}

// Last, since classes and constants above are there only now.
process.exitCode = await main(process.argv.slice(2));
