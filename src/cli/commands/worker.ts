import type { DefineCommand } from '../command-context.ts';

/** What an agent starts for each job; its order comes on a file descriptor. */
export const defineWorker: DefineCommand = (command, { host, end }) => {
  command
    .option('--ahead <folder>', 'there is no job yet: make ready for one, with a folder that may be removed')
    .action(async ({ ahead }: { ahead?: string }) => {
      const { workerCommand } = await import('../worker-command.ts');
      end(await workerCommand(host, ahead ?? null));
    });
};
