import type { DefineCommand } from '../command-context.ts';
import { defineAudit } from './audit.ts';
import { defineGroups } from './groups.ts';
import { defineLogin } from './login.ts';
import { definePools } from './pools.ts';
import { defineRepositories } from './repositories.ts';
import { defineRunners } from './runners.ts';
import { defineRuns } from './runs.ts';
import { defineSecrets } from './secrets.ts';
import { defineSubmit } from './submit.ts';
import { defineTokens } from './tokens.ts';
import { defineUp } from './up.ts';
import { defineVariables } from './variables.ts';

/** The commands that speak with a server: a bundle of their own. */
export const clientCommands = {
  up: defineUp,
  login: defineLogin,
  submit: defineSubmit,
  runs: defineRuns,
  runners: defineRunners,
  groups: defineGroups,
  pools: definePools,
  tokens: defineTokens,
  secrets: defineSecrets,
  variables: defineVariables,
  repositories: defineRepositories,
  audit: defineAudit,
} satisfies Readonly<Record<string, DefineCommand>>;
