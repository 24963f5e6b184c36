/** What accounts say that are not the one that a runner belongs to. By root, who can be each of them. */
import { chmod, chown, mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
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

  it('config.sh in a state that is not its own names the file that it may not make', async () => {
    const folder = tree.copy();
    await mkdir(join(folder, '_state'), { mode: 0o755 });
    const args = ['--url', 'http://127.0.0.1:1', '--unattended'];
    const { stderr } = await runProgram(join(folder, 'config.sh'), args, { PACELINE_TOKEN: 'x' }, { uid: OTHER });
    expect(stderr).toContain(`This account may not use '${folder}/_state/agent.lock' (EACCES)`);
  });

  it('an upgrade by root of a folder that is nobody’s runner yet looks for its package', async () => {
    const folder = tree.copy();
    await chown(folder, OWNER, OWNER);
    const args = ['agent', 'upgrade', '/nowhere.tar.gz', '--folder', folder];
    const { code, stderr } = await runProgram(join(folder, 'bin/paceline'), args);
    expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringMatching(/^paceline: [^\n]*nowhere[^\n]*\.\n$/) });
  });

  it('config.sh of root that the server refuses leaves the files of the account to it', async () => {
    const folder = await ofOwner();
    await rm(join(folder, '_state/runner.json'));
    const args = ['--url', 'http://127.0.0.1:1', '--unattended'];
    const { code } = await runProgram(join(folder, 'config.sh'), args, { PACELINE_TOKEN: 'x', LANG: 'C' });
    expect(code).toBe(4);
    expect(await readFile(join(folder, '.env'), 'utf8')).toBe('MINE=1\n');
    expect(await stat(join(folder, '.env'))).toMatchObject({ uid: OWNER, gid: OWNER, mode: 0o100600 });
  });

  it.each([
    ['agent', 'remove', '--local', '--folder'],
    ['agent', 'configure', 'remove', '--force', '--folder'],
  ])('damaged credentials are in the way of config.sh until %s %s %s removes them', async (...args) => {
    const folder = await ofOwner();
    const state = join(folder, '_state');
    const url = ['--url', 'http://127.0.0.1:1', '--unattended'];
    const refused = await as(OWNER, folder, 'config.sh', url);
    expect(refused.stderr).toContain(`are damaged: \`paceline agent remove --local --state '${state}'\` removes them;`);
    expect((await as(OWNER, folder, 'config.sh', ['remove'])).stderr).toBe(refused.stderr);
    expect(await as(OWNER, folder, 'bin/paceline', [...args, folder])).toMatchObject({ code: 0, stderr: '' });
    expect(await readdir(state)).toEqual([]);
    // It gets as far as asking for a token.
    expect((await as(OWNER, folder, 'config.sh', url)).stderr).toContain('There is no registration token');
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

  it('the doctor of root looks by programs that the account of the runner may not read', async () => {
    const [folder, own] = [await ofOwner(), tree.copy()];
    await chmod(own, 0o700);
    const args = ['doctor', '--folder', folder, '--server', 'http://127.0.0.1:1', '--json'];
    const { stdout, stderr } = await runProgram(join(own, 'bin/paceline'), args);
    expect(stderr).toBe('');
    const { checks } = JSON.parse(stdout) as { checks: { id: string }[] };
    const found = (id: string) => checks.find((check) => check.id === id);
    expect([found('configuration'), found('registration'), found('server')]).toMatchObject([
      { verdict: 'ok' },
      { verdict: 'wrong', found: expect.stringContaining('damaged') },
      { verdict: 'wrong', found: expect.stringContaining('cannot be reached') },
    ]);
  });

  it('says of a runner whose programs its account may not read that these are closed', async () => {
    const folder = await ofOwner();
    await chmod(join(folder, 'versions'), 0o700);
    const { code, stderr } = await runProgram(join(tree.original, 'bin/paceline'), ['doctor', '--folder', folder]);
    expect({ code, stderr }).toEqual({
      code: 2,
      stderr: expect.stringContaining(`'${folder}/bin/manifest.json' (EACCES)`),
    });
  });

  it('the doctor of root runs nothing as root that its .env brings into the PATH', async () => {
    const folder = await ofOwner();
    const sign = join(folder, 'sign');
    await writeFile(join(folder, '_state/git'), `#!/bin/sh\nid -u > '${sign}'\n`, { mode: 0o755 });
    await writeFile(join(folder, '.env'), `PATH=${folder}/_state:${process.env.PATH}\n`);
    await runProgram(join(folder, 'bin/paceline'), ['doctor', '--folder', folder]);
    expect(await readFile(sign, 'utf8')).toBe(`${OWNER}\n`);
  });

  describe('after root has installed its service', () => {
    let folder: string;
    let environment: Record<string, string>;
    const svc = (...args: string[]) => runProgram(join(folder, 'svc.sh'), args, environment);
    /** By the account, as a job would. */
    const tries = (script: string) => runProgram('/bin/sh', ['-c', script], {}, { uid: OWNER, directory: folder });
    beforeAll(async () => {
      folder = await ofOwner();
      // Hard links of the other folders are not to change with it.
      const own = `${folder} of its own`;
      await runProgram('cp', ['-a', folder, own]);
      folder = own;
      await runProgram('chown', ['-R', `${OWNER}:${OWNER}`, folder]);
      await chmod(join(folder, 'svc.sh'), 0o777);
      const runner = { server: 'http://127.0.0.1:1', runner: 'r', name: 'build-1', labels: [], ephemeral: false };
      const keys = { signingKey: '', sealingKey: '' };
      await writeFile(join(folder, '_state/runner.json'), JSON.stringify({ ...runner, ...keys }));
      await writeFile(join(folder, '.path'), '/usr/bin:/bin\n');
      await chown(join(folder, '.path'), OWNER, OWNER);
      const tools = join(tree.directory, 'tools');
      await mkdir(tools);
      await mkdir(join(tree.directory, 'units'));
      const systemctl = '#!/bin/sh\necho running\n';
      await writeFile(join(tools, 'systemctl'), systemctl, { mode: 0o755 });
      // Whoever has that number on this machine has no name.
      const id = `#!/bin/sh\n[ "$2" = builder ] && echo ${OWNER} || exec /usr/bin/id "$@"\n`;
      await writeFile(join(tools, 'id'), id, { mode: 0o755 });
      environment = {
        PATH: `${tools}:${process.env.PATH}`,
        PACELINE_UNIT_DIRECTORY: join(tree.directory, 'units'),
      };
      expect(await svc('install', 'builder')).toMatchObject({ code: 0, stderr: '' });
    });

    it.each([
      'echo >> svc.sh',
      'rm -f svc.sh',
      'mv bin else',
      'ln -sfn /tmp bin',
      'echo >> bin/paceline',
      'rm -rf versions/*/app/dist',
      'mkdir versions/9.9.9',
      'echo {} > .upgrade',
      'echo {} > .service',
      'mv _state else',
    ])('its account may not %s', async (script) => {
      const { code, stderr } = await tries(script);
      expect({ code: code !== 0, stderr }).toEqual({ code: true, stderr: expect.stringContaining('ermission denied') });
    });

    it('its account may write to its state and its settings, by env.sh too', async () => {
      const script = 'echo 1 > _state/mine && echo MORE=2 >> .env && LANG=C.UTF-8 ./env.sh';
      expect(await tries(script)).toMatchObject({ code: 0, stderr: '' });
      expect(await readFile(join(folder, '.env'), 'utf8')).toBe('MINE=1\nMORE=2\nLANG=C.UTF-8\n');
    });

    it('a home of the account is no folder of a runner', async () => {
      expect(await svc('uninstall')).toMatchObject({ code: 0 });
      await writeFile(join(tree.directory, 'tools/getent'), `#!/bin/sh\necho 'builder:x:1:1::${folder}:/bin/sh'\n`, {
        mode: 0o755,
      });
      const { code, stderr } = await svc('install', 'builder');
      expect({ code, stderr }).toEqual({
        code: 2,
        stderr: expect.stringContaining(`${folder} is the home of builder`),
      });
      expect((await stat(folder)).uid).toBe(OWNER);
      await rm(join(tree.directory, 'tools/getent'));
      expect(await svc('install', 'builder')).toMatchObject({ code: 0, stderr: '' });
      await writeFile(join(tree.directory, 'tools/getent'), `#!/bin/sh\necho 'builder:x:1:1::${folder}:/bin/sh'\n`, {
        mode: 0o755,
      });
      expect(await svc('renew')).toMatchObject({ code: 2, stderr: expect.stringContaining('the home of builder') });
      await rm(join(tree.directory, 'tools/getent'));
    });

    it('the work folder that its settings name is made for it', async () => {
      await writeFile(join(folder, 'runner.config.json'), '{"workDirectory": "work"}');
      expect(await svc('renew')).toMatchObject({ code: 0 });
      expect(await tries('mkdir work/job')).toMatchObject({ code: 0, stderr: '' });
    });

    it.each(['service-before-give', 'service-before-forget'])(
      'an uninstall that a power cut at %s ended goes on by the same call',
      async (failpoint) => {
        const cut = { ...environment, PACELINE_FAILPOINT: failpoint };
        expect(await runProgram(join(folder, 'svc.sh'), ['uninstall'], cut)).toMatchObject({ signal: 'SIGKILL' });
        expect(await svc('uninstall')).toMatchObject({ code: 0 });
        expect(await tries('mkdir versions/9.9.9 && rm -rf versions/9.9.9')).toMatchObject({ code: 0, stderr: '' });
        expect(await readdir(folder)).not.toContain('.service');
        expect(await svc('install', 'builder')).toMatchObject({ code: 0, stderr: '' });
      },
    );

    it('it is the account that has the folder again when root has uninstalled it', async () => {
      expect(await svc('uninstall')).toMatchObject({ code: 0 });
      expect(await tries('mkdir versions/9.9.9 && mv bin else && mv else bin && rm -rf versions/9.9.9')).toMatchObject({
        code: 0,
        stderr: '',
      });
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
