/** Server, agent and commands as a company may have them: TLS with an authority of its own, certificates of clients, a proxy with a password. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { TestAuthority } from '../support/certificates.ts';
import { ControlPlane, freePort } from '../support/control-plane.ts';
import { ForwardProxy } from '../support/forward-proxy.ts';

const PASSWORD = 'hunter2-of-the-proxy';
const WORKFLOW = `on: push
jobs:
  job:
    runs-on: self-hosted
    steps:
      - run: echo "by $https_proxy"; echo all through
`;

let plane: ControlPlane;
let proxy: ForwardProxy;
let url: string;
/** What agents and commands have to know. */
let environment: Record<string, string>;
beforeAll(async () => {
  plane = await ControlPlane.open();
  const folder = join(plane.directory, 'certificates');
  await mkdir(folder);
  const authority = await TestAuthority.make(folder, 'Company');
  const server = await authority.issue('server', 'DNS:ci.test');
  const client = await authority.issue('client', 'DNS:client');
  const port = await freePort();
  url = `https://ci.test:${port}`;
  proxy = await ForwardProxy.open({ 'ci.test': '127.0.0.1' }, `user:${PASSWORD}`);
  plane.afterwards(() => proxy.close());
  const listening = plane.start(
    ['server', '--listen', `127.0.0.1:${port}`, '--data', plane.dataDirectory, '--public-url', url],
    {
      PACELINE_SERVER_TLS_CERTIFICATE_FILE: server.certificate,
      PACELINE_SERVER_TLS_KEY_FILE: server.key,
      PACELINE_SERVER_TLS_CLIENT_CA_FILE: authority.files.certificate,
    },
  );
  await new Promise<void>((resolve, reject) => {
    listening.child.stdout?.on('data', () => listening.output().includes('listens at') && resolve());
    void listening.exited.then(() => reject(new Error(listening.output())));
  });
  environment = {
    https_proxy: proxy.url.replace('//', `//user:${PASSWORD}@`),
    no_proxy: '',
    PACELINE_SERVER: url,
    PACELINE_TOKEN: (await readFile(join(plane.dataDirectory, 'admin-token'), 'utf8')).trim(),
    PACELINE_CA_FILE: authority.files.certificate,
    PACELINE_CLIENT_CERTIFICATE_FILE: client.certificate,
    PACELINE_CLIENT_KEY_FILE: client.key,
  };
}, 60_000);
afterAll(() => plane.close());

async function call(
  args: readonly string[],
  change: Record<string, string> = {},
): Promise<{ readonly code: number | null; readonly output: string }> {
  const running = plane.start(args, { ...environment, ...change });
  const { code } = await running.exited;
  expect(running.output()).not.toContain(PASSWORD);
  return { code, output: running.output() };
}

describe('through a proxy to a server with certificates of its own', () => {
  it('an agent is registered, and a run with its logs is watched', async () => {
    const token = join(plane.directory, 'token');
    const created = await call(['tokens', 'create', 'new', '--kind', 'registration', '--expires', '1h', '--json']);
    await writeFile(token, (JSON.parse(created.output) as { token: string }).token);
    const state = ['--state', plane.stateOf('one')];
    const register = ['agent', 'register', '--server', url, '--token-file', token, '--name', 'one', ...state];
    expect(await call(register)).toMatchObject({ code: 0 });
    const agent = plane.start(['agent', 'run', ...state], environment);
    await writeFile(join(plane.directory, 'workflow.yml'), WORKFLOW);
    const watched = await call(['submit', 'workflow.yml', '--watch', '--no-repository']);
    expect(watched).toMatchObject({ code: 0, output: expect.stringContaining('all through') });
    const logs = await call(['runs', 'logs', '1']);
    expect(logs.output).toContain('by http://user:***@127.0.0.1');
    expect((await call(['doctor', ...state])).output).toMatch(/ok +Proxy +The server is reached by http:\/\/\*\*\*@/);
    agent.kill('SIGTERM');
    await agent.exited;
    expect(agent.output()).not.toContain(PASSWORD);
    expect(new Set(proxy.asked)).toEqual(new Set([`CONNECT ${new URL(url).host}`]));
  }, 60_000);

  it.each([
    ['without its authority', 'PACELINE_CA_FILE', /not trusted here: .*PACELINE_CA_FILE/],
    ['without a proxy that knows its name', 'https_proxy', /ENOTFOUND|EAI_AGAIN/],
  ])('%s a command ends with exit code 4 and a sentence', async (_what, variable, sentence) => {
    const { code, output } = await call(['runs', 'list'], { [variable]: '' });
    expect({ code, output }).toEqual({ code: 4, output: expect.stringMatching(sentence) });
    expect(output.trim().split('\n')).toHaveLength(1);
  });

  it('without a client certificate a command ends with exit code 4 and says how one is given', async () => {
    const none = { PACELINE_CLIENT_CERTIFICATE_FILE: '', PACELINE_CLIENT_KEY_FILE: '' };
    const { code, output } = await call(['runs', 'list'], none);
    expect({ code, output }).toEqual({
      code: 4,
      output: expect.stringMatching(/client certificate.*PACELINE_CLIENT_CERTIFICATE_FILE/),
    });
  });

  it('a server that asks for a certificate says that it is ready to whoever looks after it and has one', async () => {
    const status = ['server', 'status', '--data', plane.dataDirectory];
    expect(await call(status)).toMatchObject({ code: 0, output: expect.stringMatching(/is ready\.$/m) });
    const none = { PACELINE_CLIENT_CERTIFICATE_FILE: '', PACELINE_CLIENT_KEY_FILE: '' };
    const { code, output } = await call(status, none);
    expect({ code, output }).toEqual({ code: 4, output: expect.stringMatching(/PACELINE_CLIENT_CERTIFICATE_FILE/) });
  });

  it('a login keeps the files, so that later commands need no variables', async () => {
    const { PACELINE_TOKEN, PACELINE_CA_FILE, https_proxy, no_proxy, ...client } = environment;
    const home = { XDG_CONFIG_HOME: join(plane.directory, 'config') };
    const token = join(plane.directory, 'admin');
    await writeFile(token, PACELINE_TOKEN ?? '');
    const files = [
      '--ca-file',
      PACELINE_CA_FILE ?? '',
      '--client-certificate',
      client.PACELINE_CLIENT_CERTIFICATE_FILE ?? '',
    ];
    const login = [
      'login',
      url,
      '--token-file',
      token,
      ...files,
      '--client-key',
      client.PACELINE_CLIENT_KEY_FILE ?? '',
    ];
    const bare = Object.fromEntries(Object.keys(environment).map((name) => [name, '']));
    const proxied = { ...bare, ...home, https_proxy: https_proxy ?? '', no_proxy: no_proxy ?? '' };
    expect(await call(login, proxied)).toMatchObject({ code: 0 });
    expect(await call(['runs', 'list'], proxied)).toMatchObject({ code: 0 });
  });
});
