import type { DefineCommand } from '../command-context.ts';

/** What an agent starts for each job; its order comes on a file descriptor. */
export const defineWorker: DefineCommand = (command, { host, end }) => {
  command.action(async () => {
    const { workerCommand } = await import('../worker-command.ts');
    end(await workerCommand(host));
  });
};
