import { userInfo } from 'node:os';
import type { CliHost } from './cli-host.ts';
import { printJson } from './client/print.ts';
import { CommandProblem } from './command-problem.ts';
import { EXIT, type ExitCode } from './exit-codes.ts';
import { asServerProblem } from './server-problem.ts';
import { type DataFlags, databaseOf, serverSettings, warnOfPassword } from './server-settings.ts';

/** Without a token and without a server: whoever may write the database may do everything anyway. */
export async function adminTokenCommand(
  name: string,
  flags: DataFlags & { readonly json?: boolean },
  host: CliHost,
): Promise<ExitCode> {
  const { tokenNameSchema } = await import('../protocol/run-api.ts');
  const problem = tokenNameSchema.safeParse(name).error?.issues[0]?.message;
  if (problem !== undefined)
    throw new CommandProblem(EXIT.usage, `${JSON.stringify(name)} cannot name a token: ${problem}.`);
  warnOfPassword(flags.database, host);
  const database = databaseOf(await serverSettings(flags, host));
  const { createAdminToken } = await import('../server/secrets/create-admin-token.ts');
  const made = await asServerProblem(createAdminToken({ database, name, account: accountHere() }));
  if (flags.json === true) printJson({ ...made, name }, host);
  else {
    host.stderr.write(`Token ${made.id} (${name}) has every right; it is shown only now:\n`);
    host.stdout.write(`${made.token}\n`);
  }
  return EXIT.success;
}

function accountHere(): string {
  try {
    return userInfo().username;
  } catch {
    // A container may run as a number that has no name.
    return String(process.getuid?.() ?? 'unknown');
  }
}
