import { listAudit } from './audit.ts';
import { adoptKey, readSecrets, replaceKey } from './key-operations.ts';
import { deleteRepository, listRepositories, setRepository } from './repository-operations.ts';
import { deleteSecret, listSecrets, nextSecretVersion, setSecret } from './secret-operations.ts';
import { createToken, ensureAdminToken, findToken, listTokens, revokeToken, touchToken } from './token-operations.ts';
import { deleteVariable, listVariables, setVariable } from './variable-operations.ts';

/** What the server keeps beside runs: tokens, secrets, variables, repositories, the audit. */
export const keepingOperations = {
  'find-token': findToken,
  'touch-token': touchToken,
  'create-token': createToken,
  'revoke-token': revokeToken,
  'list-tokens': listTokens,
  'ensure-admin-token': ensureAdminToken,
  'next-secret-version': nextSecretVersion,
  'set-secret': setSecret,
  'delete-secret': deleteSecret,
  'list-secrets': listSecrets,
  'read-secrets': readSecrets,
  'adopt-key': adoptKey,
  'replace-key': replaceKey,
  'set-variable': setVariable,
  'delete-variable': deleteVariable,
  'list-variables': listVariables,
  'set-repository': setRepository,
  'delete-repository': deleteRepository,
  'list-repositories': listRepositories,
  'list-audit': listAudit,
};

export const KEEPING_READS = [
  'find-token',
  'list-tokens',
  'next-secret-version',
  'list-secrets',
  'read-secrets',
  'list-variables',
  'list-repositories',
  'list-audit',
] as const satisfies readonly (keyof typeof keepingOperations)[];
