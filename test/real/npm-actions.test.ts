/** Actions that others wrote and that ship as npm packages: they run offline, as they are. */
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { jobOf, removeWorkflowFolders, runWorkflow } from '../support/run-workflow.ts';

afterAll(removeWorkflowFolders);

const require = createRequire(import.meta.url);
/** `DIR/owner/name@ref` is a symbolic link to the package. */
async function actionRoot(): Promise<string> {
  const { mkdtemp, mkdir, symlink } = await import('node:fs/promises');
  const { tmpdir } = await import('node:os');
  const root = await mkdtemp(`${tmpdir()}/paceline-actions-`);
  await mkdir(`${root}/cypress-io`);
  await mkdir(`${root}/bahmutov`);
  await symlink(dirname(require.resolve('@cypress/github-action/package.json')), `${root}/cypress-io/github-action`);
  await symlink(dirname(require.resolve('npm-install/package.json')), `${root}/bahmutov/npm-install`);
  return root;
}

describe('actions from npm', () => {
  const roots: string[] = [];
  afterAll(async () => {
    const { rm } = await import('node:fs/promises');
    for (const root of roots) await rm(root, { recursive: true, force: true });
  });

  it('@cypress/github-action runs a command without installing', async () => {
    const root = await actionRoot();
    roots.push(root);
    const run = await runWorkflow(
      jobOf(`
        - id: cypress
          uses: cypress-io/github-action@v7
          with:
            install: false
            command: node write.js
        - { id: check, run: cat ran }
      `),
      {
        args: ['--action-root', root, '--offline'],
        files: {
          'package.json': '{"name":"x","version":"1.0.0"}',
          'write.js': "require('fs').writeFileSync('ran', 'yes');",
        },
      },
    );
    expect(run.log('cypress')).toContain('node write.js');
    expect(run.exitCode).toBe(0);
    expect(run.printed('check')).toEqual(['yes']);
  });

  it('npm-install installs in the workspace', async () => {
    const root = await actionRoot();
    roots.push(root);
    const run = await runWorkflow(
      jobOf(`
        - { id: install, uses: bahmutov/npm-install@v1 }
        - { id: check, run: "node -p \\"require('local-dependency')\\"" }
      `),
      {
        args: ['--action-root', root, '--offline'],
        files: {
          'package.json': '{"name":"x","version":"1.0.0","dependencies":{"local-dependency":"file:./local"}}',
          'package-lock.json': JSON.stringify({
            name: 'x',
            version: '1.0.0',
            lockfileVersion: 3,
            requires: true,
            packages: {
              '': { name: 'x', version: '1.0.0', dependencies: { 'local-dependency': 'file:./local' } },
              'node_modules/local-dependency': { resolved: 'local', link: true },
              local: { name: 'local-dependency', version: '1.0.0' },
            },
          }),
          'local/package.json': '{"name":"local-dependency","version":"1.0.0","main":"index.js"}',
          'local/index.js': "module.exports = 'installed';",
        },
      },
    );
    expect(run.log('install')).not.toContain('##[error]');
    expect(run.exitCode).toBe(0);
    expect(run.printed('check')).toEqual(['installed']);
  });
});
