/** Single steps of an upgrade, in folders of the test's own. Whole ones: upgrade.test.ts. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync } from 'node:fs';
import { mkdir, readdir, readFile, readlink, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer, type RequestListener } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type RunnerFolder, runnerFolder } from '../../src/install/runner-folder.ts';
import type { RunTool, ToolResult } from '../../src/install/run-tool.ts';
import type { Service } from '../../src/install/service.ts';
import { type UpgradeOptions, upgradeRunner } from '../../src/install/upgrade.ts';
import { killedAgent } from '../../src/install/upgrade-agent.ts';
import { type UpgradeJournal, writeUpgradeJournal } from '../../src/install/upgrade-journal.ts';
import { fetchPackage } from '../../src/install/upgrade-source.ts';
import { tryVersion } from '../../src/install/upgrade-trial.ts';
import { renewUnit } from '../../src/install/upgrade-unit.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { identityOf } from '../../src/process/process-identity.ts';
import { DIRECT } from '../support/direct-network.ts';
import { listen } from '../support/listen.ts';

const SOURCE = '/nowhere.tar.gz';

let folder: RunnerFolder;
const closers: (() => Promise<unknown>)[] = [];
beforeEach(async () => {
  folder = runnerFolder(mkdtempSync(join(tmpdir(), 'paceline-upgrade-')));
  for (const version of ['0.1.0', '0.2.0']) {
    await mkdir(join(folder.versions, version), { recursive: true });
    await writeFile(join(folder.versions, version, 'manifest.json'), '{}');
  }
  await mkdir(folder.state);
  await symlink('versions/0.1.0', folder.bin);
});
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
  await rm(folder.root, { recursive: true });
});

function options(change: Partial<UpgradeOptions> = {}): UpgradeOptions {
  return {
    ...{ folder, source: SOURCE, sha256: null, network: DIRECT, service: null, jobs: 'drain' },
    ...{ platform: 'linux-x64', clock: systemClock, tell: () => undefined, failpoint: () => undefined },
    runTool: () => Promise.reject(new Error('no tool is run')),
    ...change,
  };
}

/** Says what is done with it; what it does is up to the test. */
function service(calls: string[], change: Partial<Service> = {}): Service {
  const did = (name: string) => () => {
    calls.push(name);
    return Promise.resolve();
  };
  const status = { ...{ name: 'x', installed: true, enabled: true, running: true }, pid: null, text: 'active' };
  return {
    ...{ install: did('install'), start: did('start'), stop: did('stop') },
    ...{ endJobs: did('endJobs'), uninstall: did('uninstall'), status: () => Promise.resolve(status) },
    ...{
      text: () => Promise.resolve('unit'),
      currentText: () => Promise.resolve('unit'),
      replaceText: did('replaceText'),
    },
    ...change,
  };
}

/** A process that lives until the test ends it; `words` stand in its command line. */
async function child(...words: string[]) {
  const started = spawn(process.execPath, ['-e', 'process.stdin.resume()', ...words]);
  await once(started, 'spawn');
  const exited = once(started, 'exit');
  closers.push(() => (started.stdin.end(), exited));
  return { pid: started.pid ?? 0, exited };
}

/** Its address. */
async function serve(listener: RequestListener): Promise<string> {
  return `127.0.0.1:${await listen(createServer(listener), closers)}`;
}

/** A version that says its name, and that to everything else. */
function answering(answer: ToolResult): RunTool {
  return (_command, [word]) =>
    Promise.resolve(word === '--version' ? { code: 0, stdout: '0.2.0\n', stderr: '' } : answer);
}

function journal(change: Partial<UpgradeJournal>): Promise<void> {
  const begun = { schema: 1, stage: 'swapped', source: SOURCE, from: '0.1.0', to: '0.2.0', runs: false } as const;
  return writeUpgradeJournal(folder, { ...begun, unit: null, ...change });
}

describe('of upgrades of one folder', () => {
  it('the second is refused from the first one’s beginning on, which changes nothing', async () => {
    let go: (error: Error) => void = () => undefined;
    let begun: () => void = () => undefined;
    const hasBegun = new Promise<void>((resolve) => (begun = resolve));
    const status = () =>
      new Promise<never>((_, reject) => {
        go = reject;
        begun();
      });
    const first = upgradeRunner(options({ service: service([], { status }) }));
    await hasBegun;
    const problem = { name: 'InstallProblem', message: expect.stringContaining(`(process ${process.pid})`) };
    await expect(upgradeRunner(options())).rejects.toMatchObject(problem);
    go(new Error('no answer'));
    await expect(first).rejects.toThrow('no answer');
    expect((await readdir(folder.root)).sort()).toEqual(['_state', 'bin', 'versions']);
  });

  it('one that was killed keeps nobody out', async () => {
    const { pid, exited } = await child();
    const identity = identityOf(pid) ?? '';
    process.kill(pid, 'SIGKILL');
    await exited;
    await symlink(identity, `${folder.upgrade}.lock`);
    await expect(upgradeRunner(options())).rejects.toThrow('There is no file');
  });
});

describe('an upgrade', () => {
  it('notes nothing of an address that may be secret', async () => {
    let noted = '';
    const address = await serve((_, response) => {
      void readFile(folder.upgrade, 'utf8').then((text) => {
        noted = text;
        response.writeHead(404).end();
      });
    });
    const source = `http://name:hunter2@${address}/package.tar.gz?token=hunter3`;
    const upgrade = upgradeRunner(options({ source, sha256: '0'.repeat(64) }));
    await expect(upgrade).rejects.toThrow(/^http:[^@?]*package\.tar\.gz cannot be fetched: the answer is 404\.$/);
    expect(JSON.parse(noted)).toMatchObject({ source: `http://${address}/package.tar.gz` });
    expect(noted).not.toContain('hunter');
  });

  it('makes no file of a package before there is one', async () => {
    const download = join(folder.versions, '.download');
    const present: boolean[] = [];
    const address = await serve((request, response) => {
      present.push(existsSync(download));
      if (request.url === '/moved') response.writeHead(302, { location: '/gone' }).end();
      else response.writeHead(410).end();
    });
    const source = { source: `http://${address}/moved`, sha256: '0'.repeat(64), network: DIRECT };
    await expect(fetchPackage(source, download)).rejects.toThrow('the answer is 410');
    expect([...present, existsSync(download)]).toEqual([false, false, false]);
  });

  it.each([
    ['with no answer', '', 'Error: EACCES: permission denied', 'cannot look at this machine: Error: EACCES'],
    ['with half an answer', '{"checks": [', '', 'cannot look at this machine: its doctor ended with 1.'],
  ])('is not made to a version whose doctor ends %s', async (_what, stdout, stderr, why) => {
    const runTool = answering({ code: 1, stdout, stderr });
    await expect(tryVersion(folder, '0.2.0', runTool)).rejects.toThrow(why);
  });

  it('is made to a version from before there was a doctor', async () => {
    const runTool = answering({ code: 2, stdout: '', stderr: "error: unknown command 'doctor'" });
    await expect(tryVersion(folder, '0.2.0', runTool)).resolves.toBeUndefined();
  });

  it('goes on with a version that does not answer whether it renewed the unit', async () => {
    const said: string[] = [];
    const runTool = answering({ code: 0, stdout: 'it is', stderr: '' });
    await renewUnit({ folder, runTool, tell: (sentence) => said.push(sentence) }, '0.2.0');
    expect(said).toEqual(['Version 0.2.0 does not say whether it renewed the unit of the service.']);
  });

  it('keeps a version that a worker still runs, and no others of before', async () => {
    for (const version of ['0.0.1', '0.0.2']) await mkdir(join(folder.versions, version));
    await child(join(folder.versions, '0.0.2', 'app/dist/paceline.js'));
    await journal({});
    expect(await upgradeRunner(options())).toMatchObject({ kind: 'upgraded', to: '0.2.0' });
    expect((await readdir(folder.versions)).sort()).toEqual(['0.0.2', '0.1.0', '0.2.0']);
  });

  it.each([
    ['now', ['start']],
    ['drain', ['stop', 'start']],
  ] as const)('that goes back (jobs: %s) asks of the service %j', async (jobs, expected) => {
    const agent = await child(join(folder.versions, '0.2.0', 'app/dist/paceline.js'));
    await symlink(identityOf(agent.pid) ?? '', join(folder.state, 'agent.lock'));
    await journal({ stage: 'returning', runs: true });
    const calls: string[] = [];
    const stop = async () => {
      calls.push('stop');
      process.kill(agent.pid, 'SIGTERM');
      await agent.exited;
    };
    const start = () => {
      calls.push('start');
      return Promise.reject(new Error('It does not start.'));
    };
    const end = await upgradeRunner(options({ jobs, service: service(calls, { stop, start }) }));
    expect(end).toMatchObject({ kind: 'returned', from: '0.1.0' });
    expect(calls).toEqual(expected);
    expect(await readlink(folder.bin)).toBe('versions/0.1.0');
    expect(await agent.exited).toEqual([null, jobs === 'now' ? 'SIGKILL' : 'SIGTERM']);
  });

  it('goes on when the agent that it ends has ended by itself', async () => {
    const { pid, exited } = await child();
    process.kill(pid, 'SIGKILL');
    await exited;
    await killedAgent(pid, folder, systemClock);
  });
});
