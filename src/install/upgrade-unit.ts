import { join } from 'node:path';
import type { RunnerFolder } from './runner-folder.ts';
import { isUnknownCommand, type RunTool } from './run-tool.ts';
import type { Service } from './service.ts';

interface Renewal {
  readonly folder: RunnerFolder;
  readonly runTool: RunTool;
  /** For people: a sentence. */
  readonly tell: (sentence: string) => void;
}

/**
 * Has the version that `bin` leads to write the service's unit as it has it: this one knows neither its template nor what
 * belongs into it. Never rejects: a version comes up by the unit of before as well, and what can be done is told.
 */
export async function renewUnit({ folder, runTool, tell }: Renewal, version: string): Promise<void> {
  const command = ['service', 'renew', '--folder', folder.root, '--json'];
  const { code, stdout, stderr } = await runTool(join(folder.bin, 'paceline'), command).catch((error: unknown) => ({
    ...{ code: null, stdout: '', stderr: (error as Error).message },
  }));
  if (code !== 0) {
    tell(
      `The service keeps its unit. ${isUnknownCommand(stderr) ? `Version ${version} renews none.` : problemIn(stderr, folder)}`,
    );
    return;
  }
  const answer = answerIn(stdout);
  if (answer === null) tell(`Version ${version} does not say whether it renewed the unit of the service.`);
  else if (answer.renewed) tell(`${answer.name} is renewed, as version ${version} has it; drop-ins stay.`);
}

/** Null: that is none. */
function answerIn(text: string): { readonly name: string; readonly renewed: boolean } | null {
  try {
    return JSON.parse(text) as { name: string; renewed: boolean };
  } catch {
    return null;
  }
}

/** As it was before {@link renewUnit}. Never rejects: a version comes up by either. */
export async function putUnitBack(service: Service, text: string, tell: Renewal['tell']): Promise<void> {
  try {
    if ((await service.currentText()) === text) return;
    await service.replaceText(text);
    tell('The unit of the service is as it was, too.');
  } catch (error) {
    tell((error as Error).message);
  }
}

function problemIn(stderr: string, { root }: RunnerFolder): string {
  const why = stderr
    .trim()
    .replace(/^paceline: /, '')
    .replace(/\.?$/, '.');
  return `${why} Once that is mended: ${process.getuid?.() === 0 ? 'sudo ' : ''}'${join(root, 'svc.sh')}' renew`;
}
