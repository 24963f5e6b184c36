import { choice, type Grammar } from './grammar.ts';

const ANY = choice(['read', 'write', 'none']);
const READ = choice(['read', 'none']);
const WRITE = choice(['write', 'none']);

/** `permissions` of a workflow or a job. */
export const PERMISSIONS: Grammar = {
  ...choice(['read-all', 'write-all']),
  takes: '`read-all`, `write-all`, or levels by name',
  map: {
    what: '`permissions`',
    keys: {
      actions: ANY,
      'artifact-metadata': ANY,
      attestations: ANY,
      checks: ANY,
      'code-quality': ANY,
      contents: ANY,
      'copilot-requests': WRITE,
      deployments: ANY,
      discussions: ANY,
      drives: ANY,
      'id-token': WRITE,
      issues: ANY,
      models: READ,
      packages: ANY,
      pages: ANY,
      'pull-requests': ANY,
      'repository-projects': ANY,
      'security-events': ANY,
      statuses: ANY,
      'vulnerability-alerts': READ,
    },
  },
};
