/** What keeps `paceline server` from starting, and what works on its data. */
import { createServer, type Server } from 'node:net';
import type { AddressInfo } from 'node:net';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { CommandLine } from './command-line.ts';

let line: CommandLine;
let taken: Server;
let address: string;
beforeAll(async () => {
  line = await CommandLine.open({ file: '', 'wrong.json': '{ "server": { "listn": 1 } }' });
  taken = createServer();
  await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
  address = `127.0.0.1:${(taken.address() as AddressInfo).port}`;
});
afterAll(async () => {
  taken.close();
  await line.close();
});

const serve = (...args: string[]): ReturnType<CommandLine['run']> =>
  line.run(['server', '--data', 'data', '--listen', '127.0.0.1:0', ...args]);

describe('paceline server does not start', () => {
  it.each(['nonsense', '127.0.0.1', '127.0.0.1:99999', ':80', 'http://127.0.0.1:80'])(
    'at %s: exit 2',
    async (listen) => {
      const { exitCode, stderr } = await serve('--listen', listen);
      expect([exitCode, stderr]).toEqual([
        2,
        expect.stringMatching(/^paceline: '[^\n]*' is no address to listen at; [^\n]*\n$/),
      ]);
    },
  );

  it('where another program listens: exit 2', async () => {
    const { exitCode, stderr } = await serve('--listen', address);
    expect([exitCode, stderr]).toEqual([
      2,
      `paceline: Another program listens there already: ${address}. Another address is given by --listen.\n`,
    ]);
  });

  it('in a folder that cannot be made: exit 2', async () => {
    const { exitCode, stderr } = await serve('--data', 'file/data');
    expect([exitCode, stderr]).toEqual([2, expect.stringMatching(/^paceline: ENOTDIR: [^\n]*\n$/)]);
  });

  it('with a wrong configuration: exit 2, with its place', async () => {
    const { exitCode, stderr } = await serve('--config', 'wrong.json');
    expect([exitCode, stderr]).toEqual([2, expect.stringMatching(/wrong\.json:1:\d+: error: Unknown key 'listn'/)]);
  });

  it('on a database that is down: exit 4, without its password, with a warning that it was an argument', async () => {
    const { exitCode, stdout, stderr } = await serve('--database', 'postgres://ci:hunter2@127.0.0.1:9/paceline');
    expect([exitCode, stdout]).toEqual([4, '']);
    expect(stderr).toMatch(/^warning: the password in --database is seen by everybody/);
    expect(stderr).toMatch(/\npaceline: The database [^\n]* cannot be opened: connect ECONNREFUSED[^\n]*\n$/);
    expect(stderr).not.toContain('hunter2');
  });

  it.each([
    ['no PostgreSQL', [], 'is of use with a server.database such as'],
    ['a file that is not there', ['--database', 'postgres://ci@127.0.0.1:9/paceline'], 'cannot be read'],
  ])('with a password file and %s: exit 2', async (_what, args, sentence) => {
    const { exitCode, stderr } = await line.run(['server', '--data', 'data', ...args], {
      PACELINE_SERVER_DATABASE_PASSWORD_FILE: 'missing',
    });
    expect([exitCode, stderr]).toEqual([2, expect.stringContaining(`server.databasePasswordFile ${sentence}`)]);
  });

  it('on SQLite that another server uses: exit 4', async () => {
    const script = `
      "$NODE" "$CLI" server --data shared --listen 127.0.0.1:0 > out & server=$!
      until [ -s shared/address ]; do sleep 0.05; done
      "$NODE" "$CLI" server --data shared --listen 127.0.0.1:0; echo "second $?"
      "$NODE" "$CLI" runs list --json --server "$(cat shared/address)" --token-file shared/admin-token
      kill $server; wait $server; echo "first $?"
    `;
    const { stdout, stderr } = await line.shell(script);
    expect(stdout).toBe('second 4\n[]\nfirst 0\n');
    expect(stderr).toMatch(/^paceline: A server uses the database '[^']*' already\. [^\n]*\n/);
  });
});

describe('a backup', () => {
  it('is made and restored, once, and not over what is there', async () => {
    const ended = await line.shell(`
      p() { "$NODE" "$CLI" "$@" 2>> errors; echo "exit $?"; }
      "$NODE" "$CLI" server --data old --listen 127.0.0.1:0 > out & server=$!
      until [ -s old/address ]; do sleep 0.05; done
      export PACELINE_SERVER=$(cat old/address) PACELINE_TOKEN=$(cat old/admin-token)
      p variables set REGION north
      p server backup saved --data old --with-key
      kill $server; wait $server
      p server backup saved --data old
      p server restore saved --data old
      p server restore saved --data new
      p server rotate-key --data new
      "$NODE" "$CLI" server --data new --listen 127.0.0.1:0 > out & server=$!
      until [ -s new/address ]; do sleep 0.05; done
      PACELINE_SERVER=$(cat new/address) p variables list --json
      kill $server; wait $server
    `);
    expect(ended.stdout.replace(/[\d.]+ MB/g, 'N MB')).toBe(
      [
        'Variable REGION is set.\nexit 0',
        'Backed up to saved: N MB of database, N MB of logs.\nexit 0',
        'exit 2',
        'exit 2',
        `Restored to ${join(line.workspace, 'new')}. What agents still have of the time after the backup they report again.\nexit 0`,
        `0 secrets are encrypted with the new key in ${join(line.workspace, 'new/secrets.key')}.\nexit 0`,
        expect.anything(),
      ]
        .slice(0, 6)
        .join('\n') + ended.stdout.slice(ended.stdout.indexOf('\n[\n')),
    );
    expect(JSON.parse(ended.stdout.slice(ended.stdout.indexOf('\n[\n'), ended.stdout.lastIndexOf(']') + 1))).toEqual([
      expect.objectContaining({ name: 'REGION', value: 'north' }),
    ]);
    const errors = await readFile(join(line.workspace, 'errors'), 'utf8');
    expect(errors).toContain("'" + join(line.workspace, 'saved') + "' has something in it already");
    expect(errors).toContain('Restore into an empty place, or replace it with --force.');
    expect(existsSync(join(line.workspace, 'saved/secrets.key'))).toBe(true);
  });
});

describe('a new token of the admin', () => {
  it('is made on the machine of the server while that does not run, and is in the audit', async () => {
    const ended = await line.shell(`
      serve() { "$NODE" "$CLI" server --data kept --listen 127.0.0.1:0 > out & server=$!; until [ -s kept/address ]; do sleep 0.05; done; }
      end() { kill $server; wait $server; }
      token() { "$NODE" "$CLI" server admin-token "$@" 2>> token-errors; echo "exit $?" >> exits; }
      serve; token --data kept; end
      rm kept/admin-token
      token --data kept > token
      token again --data kept --json > again
      token --data nothing
      token ' x' --data kept
      serve
      "$NODE" "$CLI" audit --json --server "$(cat kept/address)" --token-file token
      end`);
    const read = (name: string): Promise<string> => readFile(join(line.workspace, name), 'utf8');
    expect(await read('exits')).toBe('exit 4\nexit 0\nexit 0\nexit 4\nexit 2\n');
    const account = userInfo().username;
    expect(JSON.parse(ended.stdout)).toMatchObject([
      { actor: `account ${account}`, action: 'token.create', target: 'token 3', detail: { name: 'again' } },
      { actor: `account ${account}`, action: 'token.create', target: 'token 2', detail: { scopes: ['admin'] } },
      { actor: 'server', action: 'token.create', target: 'token 1' },
    ]);
    expect(JSON.parse(await read('again'))).toEqual({ id: 3, name: 'again', token: expect.stringMatching(/^pcl_u_/) });
    const errors = (await read('token-errors')).trimEnd().split('\n');
    expect(errors).toEqual([
      expect.stringMatching(/^paceline: A server uses the database '.*' already\. Stop it first;/),
      'Token 2 (admin) has every right; it is shown only now:',
      expect.stringMatching(/^paceline: There is no database '.*nothing.*'\. Name the server's folder with --data\.$/),
      expect.stringMatching(/^paceline: " x" cannot name a token: expected 1 to 100 characters/),
    ]);
  });

  it('is refused with a sentence when PostgreSQL cannot be reached', async () => {
    const { exitCode, stdout, stderr } = await line.run(['server', 'admin-token', '--data', 'data'], {
      PACELINE_SERVER_DATABASE: 'postgres://ci:hunter2@127.0.0.1:9/paceline',
    });
    expect([exitCode, stdout, stderr]).toEqual([
      4,
      '',
      expect.stringMatching(/^paceline: The database 'paceline' at [^\n]* cannot be opened: [^\n]*\n$/),
    ]);
    expect(stderr).not.toContain('hunter2');
  });
});

it('the status of a server that does not run: exit 4', async () => {
  const { exitCode, stderr } = await line.run(['server', 'status', '--data', 'data']);
  expect([exitCode, stderr]).toEqual([4, expect.stringMatching(/^paceline: No server runs in .*data\.\n$/)]);
});
