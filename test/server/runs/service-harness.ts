import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { submitRequestSchema, type SubmitReply } from '../../../src/protocol/run-api.ts';
import type { ApiResult } from '../../../src/protocol/api-error.ts';
import { createRunService } from '../../../src/server/runs/create-run-service.ts';
import { RepositoryReader } from '../../../src/server/runs/repository-reader.ts';
import type { RunService } from '../../../src/server/runs/run-service.ts';
import { GIT_ENVIRONMENT } from '../../local/git-folder.ts';
import type { FakeClock } from '../../support/fake-clock.ts';
import { openTestStore, type TestStore } from '../../support/server-database.ts';
import type { GitRepository } from './git-repository.ts';
import { must } from './run-harness.ts';

/** A run service over a store in memory and real repositories. */
export interface ServiceHand {
  readonly store: TestStore;
  readonly service: RunService;
  register(name: string, repository: GitRepository, defaultBranch?: string | null): Promise<void>;
  submit(request: Readonly<Record<string, unknown>>): Promise<ApiResult<SubmitReply>>;
  close(): Promise<void>;
}

export const NEVER = new AbortController().signal;

export async function openService(
  options: { readonly clock?: FakeClock; readonly baseUrl?: string } = {},
): Promise<ServiceHand> {
  const folder = await mkdtemp(join(tmpdir(), 'paceline-service-'));
  const store = await openTestStore({ database: 'sqlite', ...(options.clock && { clock: options.clock }) });
  const service = createRunService({
    store,
    secrets: { decrypt: (ciphertext) => ciphertext },
    repositories: new RepositoryReader({ directory: join(folder, 'repositories'), environment: GIT_ENVIRONMENT }),
    baseUrl: options.baseUrl ?? 'https://github.test',
  });
  return {
    store,
    service,
    async register(name, repository, defaultBranch = null) {
      must(await store.execute('set-repository', { actor: 'ada', name, cloneUrl: repository.url, defaultBranch }));
    },
    submit: (request) =>
      service.submit(submitRequestSchema.parse(request), { name: 'ada', actor: 'ada (token 1)' }, NEVER),
    async close() {
      await store.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
