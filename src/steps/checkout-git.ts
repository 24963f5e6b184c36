import { failed, STOPPED } from './handler-result.ts';
import type { HandlerResult } from './step-handler.ts';
import { untilExit } from './step-processes.ts';
import type { StepScope } from './step-scope.ts';

/** git in one folder, as processes of a step. */
export interface Git {
  /** Its output is the step's. Null when it succeeded, else how the step ends. */
  tell(...args: string[]): Promise<HandlerResult | null>;
  /** Its output, trimmed; null when it failed. */
  ask(...args: string[]): Promise<string | null>;
}

/** Processes of the step like any other, so that a cancellation reaches them. */
export function gitIn(target: string, cwd: string, scope: StepScope, env: Readonly<Record<string, string>>): Git {
  const { log, ladder, processes } = scope;
  const run = (args: readonly string[], onOutput: (block: Buffer) => void): ReturnType<typeof untilExit> =>
    untilExit(processes.start({ command: 'git', args: ['-C', target, ...args], cwd, env, ladder, onOutput }), scope);
  return {
    async tell(...args) {
      if (scope.signal.aborted) return STOPPED;
      const output = log.openOutput({ allowUnsecureCommands: false, allowUnsecureStopTokens: false });
      const exit = await run(args, (block) => output.write(block));
      output.end();
      if (exit.stopped) return STOPPED;
      if (exit.kind === 'not-started') return failed(log, 'start-failed', exit.message);
      if (exit.exitCode === 0) return null;
      const result = failed(
        log,
        null,
        `git ${args.find((arg) => /^[a-z]+$/.test(arg)) ?? ''} ended with ${exit.signal ?? `exit code ${exit.exitCode ?? 0}`}.`,
      );
      return { ...result, exitCode: exit.exitCode, signal: exit.signal };
    },
    async ask(...args) {
      const blocks: Buffer[] = [];
      const exit = await run(args, (block) => blocks.push(block));
      return exit.kind === 'exited' && exit.exitCode === 0 ? Buffer.concat(blocks).toString().trim() : null;
    },
  };
}
