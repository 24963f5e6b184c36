/** Whose the files of a runner are and what their modes say, in folders of a few files. By root, with another account. */
import { execFileSync } from 'node:child_process';
import { chmodSync, linkSync, lstatSync, mkdtempSync, statSync } from 'node:fs';
import { chmod, chown, lchown, mkdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { givePrograms, takePrograms } from '../../src/install/program-owner.ts';
import { type RunnerFolder, runnerFolder } from '../../src/install/runner-folder.ts';

const OWNER = 65_533;

let place: string;
let folder: RunnerFolder;
const at = (name: string) => join(folder.root, name);
const look = (name: string) => {
  const { mode, uid } = lstatSync(at(name));
  return [(mode & 0o7777).toString(8), uid];
};

(process.getuid?.() === 0 ? describe : describe.skip)('the programs of a runner', () => {
  beforeEach(async () => {
    place = mkdtempSync(join(tmpdir(), 'paceline-owner-'));
    await chmod(place, 0o755);
    folder = runnerFolder(join(place, 'runner'));
    const program = join('versions', '1.0.0', 'node');
    for (const name of ['', 'versions', 'versions/1.0.0', 'versions/1.0.0/app', '_state']) {
      await mkdir(at(name));
      await chmod(at(name), 0o700);
    }
    for (const name of ['svc.sh', program]) await writeFile(at(name), '#!/bin/sh\n', { mode: 0o700 });
    for (const name of ['LICENSE', 'versions/1.0.0/app/core.js']) await writeFile(at(name), '', { mode: 0o600 });
    await symlink('versions/1.0.0', folder.bin);
    execFileSync('chown', ['-hR', `${OWNER}:${OWNER}`, folder.root]);
  });
  afterEach(() => rm(place, { recursive: true }));

  it('that were unpacked under a mask of 077 are root’s, and the account may run and read them', async () => {
    await takePrograms(folder, []);
    for (const name of ['.', 'svc.sh', 'versions', 'versions/1.0.0', 'versions/1.0.0/app', 'versions/1.0.0/node'])
      expect([name, ...look(name)]).toEqual([name, '755', 0]);
    for (const name of ['LICENSE', 'versions/1.0.0/app/core.js'])
      expect([name, ...look(name)]).toEqual([name, '644', 0]);
    expect(look('_state')).toEqual(['700', OWNER]);
    expect(execFileSync(at('bin/node'), { uid: OWNER, gid: OWNER, encoding: 'utf8' })).toBe('');
  });

  it('are the account’s again, with the files in them, when they are given back', async () => {
    await takePrograms(folder, []);
    await givePrograms(folder);
    const names = ['.', 'svc.sh', 'bin', 'versions', 'versions/1.0.0', 'versions/1.0.0/node', 'versions/1.0.0/app'];
    expect(names.map((name) => look(name)[1])).toEqual(names.map(() => OWNER));
  });

  it('are no programs that make whoever runs them root', async () => {
    chmodSync(at('svc.sh'), 0o6777);
    chmodSync(at('versions/1.0.0/node'), 0o4755);
    chmodSync(at('versions/1.0.0'), 0o7777);
    await takePrograms(folder, []);
    for (const name of ['svc.sh', 'versions/1.0.0/node', 'versions/1.0.0'])
      expect([name, ...look(name)]).toEqual([name, '755', 0]);
  });

  it('change no file of root’s that has a second name among them', async () => {
    const secret = join(place, 'secret');
    await writeFile(secret, 'key', { mode: 0o600 });
    await rm(at('LICENSE'));
    linkSync(secret, at('LICENSE'));
    linkSync(secret, at('versions/1.0.0/second'));
    await takePrograms(folder, []);
    await givePrograms(folder);
    const { mode, uid } = statSync(secret);
    expect([mode & 0o7777, uid]).toEqual([0o600, 0]);
  });

  it('are given where a call was interrupted, and what a link leads to that was put there since stays whose it was', async () => {
    const outside = join(place, 'outside');
    await mkdir(outside);
    await writeFile(join(outside, 'core.js'), '');
    await takePrograms(folder, []);
    // As far as one came: this folder is the account's, who moved what was in it.
    await chown(at('versions/1.0.0'), OWNER, OWNER);
    const script = `mv app else && ln -s '${outside}' app`;
    execFileSync('/bin/sh', ['-c', script], { cwd: at('versions/1.0.0'), uid: OWNER, gid: OWNER });
    await givePrograms(folder);
    expect(statSync(join(outside, 'core.js')).uid).toBe(0);
    expect(look('versions/1.0.0/app')[1]).toBe(OWNER);
    expect(look('.')[1]).toBe(OWNER);
  });

  it('are given from the deepest folder up, so that the way to each is root’s when it is given', async () => {
    // So many that the clock of the file system goes on meanwhile.
    for (let n = 0; n < 300; n++) await writeFile(at(`versions/1.0.0/app/${n}.js`), '');
    await takePrograms(folder, []);
    const changed = (name: string) => lstatSync(at(name), { bigint: true }).ctimeNs;
    await givePrograms(folder);
    const order = ['versions/1.0.0/app/core.js', 'versions/1.0.0/app', 'versions/1.0.0', 'versions', '.'].map(changed);
    expect(order).toEqual([...order].sort((a, b) => Number(a - b)));
    expect(changed('.')).toBeGreaterThanOrEqual(changed('svc.sh'));
  });

  it('leave the account the work folders of its settings, made where it could not make them any more', async () => {
    await mkdir(at('there'));
    await lchown(at('there'), OWNER, OWNER);
    await symlink(place, at('away'));
    const wanted = ['work', 'caches/of/actions', 'there/inner', 'away/made', '../beside', 'versions/9.9.9', '.'];
    await takePrograms(folder, wanted.map(at));
    await takePrograms(folder, wanted.map(at));
    expect([look('work'), look('caches')]).toEqual(Array(2).fill(['700', OWNER]));
    // What is the account's own already it extends itself.
    expect(() => lstatSync(at('there/inner'))).toThrow('ENOENT');
    execFileSync('mkdir', ['-p', at('caches/of/actions'), at('there/inner')], { uid: OWNER, gid: OWNER });
    for (const name of ['away/made', '../beside', 'versions/9.9.9'])
      expect(() => lstatSync(at(name))).toThrow('ENOENT');
  });
});
