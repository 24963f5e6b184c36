/** Commands of the agent, as far as they need no control server that works. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { CommandLine } from './command-line.ts';
import { refuse, ScriptedServer, TOKEN } from './scripted-server.ts';

let line: CommandLine;
let server: ScriptedServer;
beforeAll(async () => {
  line = await CommandLine.open({ 'token.txt': `${TOKEN}\n`, 'wrong.json': '{ "agent": { "slots": 0 } }' });
  server = await ScriptedServer.open();
});
afterAll(async () => {
  await server.close();
  await line.close();
});

const register = (...args: string[]): ReturnType<CommandLine['run']> =>
  line.run(['agent', 'register', '--state', 'state', ...args]);

describe('paceline agent without a runner', () => {
  it.each([
    [['run'], 2, /^paceline: No runner is registered in \S+\/state\. [^\n]*\n$/],
    [['drain'], 2, /^paceline: No agent runs in \S+\/state\.\n$/],
    [['run', '--slots', '0'], 2, /argument '0' is invalid/],
    [['run', '--config', 'none.json'], 2, /There is no configuration file/],
    [
      ['run', '--config', 'wrong.json'],
      2,
      /wrong\.json:1:\d+: error: [^\n]*\npaceline: The configuration has errors\.\n$/,
    ],
  ])('%j exits with %i and one sentence', async ([command = '', ...args], code, sentence) => {
    const { exitCode, stdout, stderr } = await line.run(['agent', command, '--state', 'state', ...args]);
    expect([exitCode, stdout]).toEqual([code, '']);
    expect(stderr).toMatch(sentence);
  });

  it('status says so, for programs too', async () => {
    const place = ['--state', 'state'];
    const { exitCode, stdout } = await line.run(['agent', 'status', ...place]);
    expect([exitCode, stdout]).toEqual([0, `No runner is registered in ${join(line.workspace, 'state')}.\n`]);
    const facts = JSON.parse((await line.run(['agent', 'status', '--json', ...place])).stdout) as unknown;
    expect(facts).toEqual({ registered: null, pid: null, status: null, writtenAt: null });
    expect((await line.run(['agent', 'status', '--check', ...place])).exitCode).toBe(1);
  });
});

describe('paceline agent register', () => {
  it('needs to be told the server', async () => {
    const { exitCode, stderr } = await register('--token-file', 'token.txt');
    expect(exitCode).toBe(2);
    expect(stderr).toMatch(/^paceline: No server is named: [^\n]*\n$/);
  });

  it('says that a server is not there, and keeps nothing', async () => {
    const { exitCode, stderr } = await register('--server', 'http://127.0.0.1:9', '--token-file', 'token.txt');
    expect(exitCode).toBe(4);
    expect(stderr).toMatch(/^paceline: http:\/\/127\.0\.0\.1:9 did not register the runner: [^\n]*\n$/);
    expect(await readdir(join(line.workspace, 'state')).catch(() => [])).not.toContain('runner.json');
  });

  it('says what the server says to a token that is no good, and never the token', async () => {
    server.on('POST /v1/runners', refuse(401, 'unauthorized', 'token-expired', 'this token has expired'));
    const { exitCode, stderr } = await register('--server', server.url, '--token-file', 'token.txt');
    expect([exitCode, stderr]).toEqual([4, expect.stringContaining('this token has expired')]);
    expect(stderr).not.toContain(TOKEN);
  });

  it('takes the token from standard input', async () => {
    const { exitCode } = await line.shell(
      `echo ${TOKEN} | "$NODE" "$CLI" agent register --state state --server ${server.url} --name one --labels gpu,big`,
    );
    expect(exitCode).toBe(4);
    expect(server.seen.at(-1)).toMatchObject({
      headers: { authorization: `Bearer ${TOKEN}` },
      body: { name: 'one', labels: expect.arrayContaining(['self-hosted', 'gpu', 'big']) },
    });
  });
});
