/** What accounts say that are not the one that a runner belongs to. By root, who can be each of them. */
import { chmod, chown, mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { CAN_MOUNT, smallDisk } from '../support/small-disk.ts';
import { type Ended, runProgram, RunnerTree } from './runner-tree.ts';

const isRoot = process.getuid?.() === 0;
const OWNER = 65_533;
const OTHER = 65_534;
const ONE_SENTENCE = /^paceline: [^\n]+\.\n$/;

(isRoot ? describe : describe.skip)('of a runner of another account', () => {
  let tree: RunnerTree;
  beforeAll(async () => {
    tree = await RunnerTree.open();
    await chmod(tree.directory, 0o755);
  }, 120_000);
  afterAll(() => tree.close());

  function as(uid: number, folder: string, program: string, args: readonly string[] = []): Promise<Ended> {
    return runProgram(join(folder, program), args, {}, { uid });
  }

  /** As somebody configured it; the keys are none. */
  async function ofOwner(): Promise<string> {
    const folder = tree.copy();
    await mkdir(join(folder, '_state'), { mode: 0o700 });
    await writeFile(join(folder, '_state/runner.json'), '{}', { mode: 0o600 });
    await writeFile(join(folder, '.env'), 'MINE=1\n', { mode: 0o600 });
    for (const name of ['', '_state', '_state/runner.json', '.env']) await chown(join(folder, name), OWNER, OWNER);
    return folder;
  }

  it.each([
    ['config.sh', ['--url', 'http://127.0.0.1:1', '--unattended']],
    ['config.sh', ['remove']],
    ['env.sh', []],
    ['run.sh', []],
    ['bin/paceline', ['agent', 'upgrade', '/nowhere.tar.gz', '--folder', '.']],
  ])('%s %j says in one sentence which file is closed, by exit code 2', async (program, args) => {
    const folder = await ofOwner();
    const given = args.map((arg) => (arg === '.' ? folder : arg));
    const { code, stderr } = await runProgram(join(folder, program), given, { PACELINE_TOKEN: 'x' }, { uid: OTHER });
    expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringMatching(ONE_SENTENCE) });
    expect(stderr).toContain(folder);
  });

  it('config.sh in what root has unpacked says the same', async () => {
    const folder = tree.copy();
    const args = ['--url', 'http://127.0.0.1:1', '--unattended'];
    const { code, stderr } = await runProgram(join(folder, 'config.sh'), args, { PACELINE_TOKEN: 'x' }, { uid: OTHER });
    expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringMatching(ONE_SENTENCE) });
    expect(stderr).toContain(join(folder, '_state'));
  });

  it('svc.sh status and the doctor look without what is in .env, and say so', async () => {
    const folder = await ofOwner();
    const record = { schema: 1, manager: 'systemd', scope: 'system', name: 'x.service', file: '/x', isComplete: true };
    await writeFile(join(folder, '.service'), JSON.stringify(record));
    const status = await as(OTHER, folder, 'svc.sh', ['status']);
    expect(status.stderr).toContain(`without what is in .env: This account may not use '${folder}/.env'`);
    const doctor = await as(OTHER, folder, 'bin/paceline', ['doctor', '--folder', folder, '--json']);
    const { checks } = JSON.parse(doctor.stdout) as { checks: { id: string }[] };
    expect(checks.find(({ id }) => id === 'registration')).toMatchObject({
      verdict: 'note',
      remedy: `Call the doctor as the account that the agent runs as (number ${OWNER}).`,
    });
  });

  (CAN_MOUNT ? it : it.skip)('config.sh on a full disk says so, and leaves no half of a file', async () => {
    const folder = tree.copy();
    const disk = smallDisk(64);
    try {
      // All of a runner but its versions, on a disk of its own.
      await runProgram('cp', ['-a', join(folder, 'config.sh'), join(folder, 'bin'), disk.path]);
      await runProgram('ln', ['-s', join(folder, 'versions'), join(disk.path, 'versions')]);
      await writeFile(join(disk.path, 'full'), Buffer.alloc(1_000_000)).catch(() => undefined);
      const ended = await runProgram(join(disk.path, 'config.sh'), ['--url', 'http://127.0.0.1:1', '--unattended'], {
        PACELINE_TOKEN: 'x',
      });
      expect(ended).toMatchObject({ code: 1, stderr: expect.stringMatching(ONE_SENTENCE) });
      expect(ended.stderr).toContain('There is no room left on the disk');
      expect(await readdir(disk.path)).not.toContain('runner.config.json.new');
    } finally {
      disk.remove();
    }
  });
});
