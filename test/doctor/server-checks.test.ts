/** What the doctor says of the way to a server: real connections, to servers that are as they should not be. */
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type RequestListener } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { NO_TLS_FILES, type TlsFiles } from '../../src/kernel/trust.ts';
import { runChecks } from '../../src/doctor/run-checks.ts';
import { serverChecks } from '../../src/doctor/server-checks.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { type CertificateFiles, TestAuthority } from '../support/certificates.ts';
import { DIRECT } from '../support/direct-network.ts';
import { ForwardProxy } from '../support/forward-proxy.ts';
import { listen, secureServer } from '../support/listen.ts';
import { subjectWith } from './subject.ts';

let folder: string;
let authority: TestAuthority;
const closing: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'paceline-doctor-'));
  authority = await TestAuthority.make(folder, 'Test-Authority');
}, 30_000);
afterAll(() => rm(folder, { recursive: true, force: true }));
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

const healthy: RequestListener = (_request, response) => {
  response.writeHead(200, { 'content-type': 'application/json' }).end('{"status":"up","version":"0.1.0"}');
};

async function serve(files: CertificateFiles, clientCa: string | null = null): Promise<number> {
  return listen(await secureServer(files, clientCa, healthy), closing);
}

async function look(
  server: string,
  { tls, proxy, aheadMs = 0 }: { tls?: Partial<TlsFiles>; proxy?: Partial<typeof DIRECT.proxy>; aheadMs?: number } = {},
): Promise<Record<string, { verdict: string; found: string; remedy: string | null }>> {
  const subject = subjectWith({
    server,
    network: { proxy: { ...DIRECT.proxy, ...proxy }, tls: { ...NO_TLS_FILES, ...tls } },
    clock: { ...systemClock, now: () => Date.now() + aheadMs },
  });
  const results = await runChecks(serverChecks(subject), systemClock);
  return Object.fromEntries(results.map(({ id, verdict, found, remedy }) => [id, { verdict, found, remedy }] as const));
}

describe('the clock', () => {
  it.each([
    [0, 'ok'],
    [10_000, 'note'],
    [-60_000, 'wrong'],
  ])('%d ms ahead of the server is %s', async (aheadMs, verdict) => {
    const { clock } = await look(`http://127.0.0.1:${await listen(createServer(healthy), closing)}`, { aheadMs });
    expect(clock).toMatchObject({ verdict });
    if (aheadMs < 0) expect(clock?.found).toMatch(/59\.|60\./);
  });
});

describe('a server', () => {
  it('that answers is told with the time of each stage', async () => {
    const { server, proxy, certificates } = await look(
      `http://127.0.0.1:${await listen(createServer(healthy), closing)}`,
    );
    expect(server?.found).toMatch(/answers \(dns \d+ ms, tcp \d+ ms, healthz \d+ ms\)/);
    expect([server, proxy, certificates].map((one) => one?.verdict)).toEqual(['ok', 'ok', 'skipped']);
  });

  it('that nobody listens at, that has no name, or that is another kind of server is wrong', async () => {
    const port = await listen(
      createServer((_request, response) => response.end('<html>Sign in</html>')),
      closing,
    );
    expect((await look(`http://127.0.0.1:${port}`)).server).toMatchObject({
      verdict: 'wrong',
      found: expect.stringContaining('no Paceline server'),
    });
    expect((await look('http://no-such-host.invalid')).server).toMatchObject({
      verdict: 'wrong',
      found: expect.stringContaining('its name is looked up'),
    });
    await closing.pop()?.();
    expect((await look(`http://127.0.0.1:${port}`)).server?.found).toMatch(/a connection is made.*ECONNREFUSED/);
  });
});

describe('certificates', () => {
  it('of an authority that is not trusted are told with its name, and believed once it is named', async () => {
    const url = `https://localhost:${await serve(await authority.issue('server', 'DNS:localhost'))}`;
    const without = await look(url);
    expect(without.certificates).toMatchObject({
      verdict: 'wrong',
      found: expect.stringContaining("issued by 'Test-Authority', which is not trusted here"),
      remedy: expect.stringContaining('PACELINE_CA_FILE'),
    });
    expect(without.server?.verdict).toBe('wrong');
    const named = await look(url, { tls: { caFile: authority.files.certificate } });
    expect([named.certificates, named.server]).toMatchObject([{ verdict: 'ok' }, { verdict: 'ok' }]);
    expect(named.server?.found).toMatch(/tls \d+ ms/);
  });

  it('that expire soon are noted; expired ones, and those of another name, are wrong', async () => {
    const tls = { caFile: authority.files.certificate };
    const at = async (name: string, alternatives: string, days: number): Promise<unknown> =>
      (await look(`https://localhost:${await serve(await authority.issue(name, alternatives, days))}`, { tls }))
        .certificates;
    expect(await at('soon', 'DNS:localhost', 3)).toMatchObject({ verdict: 'note', remedy: 'Renew it.' });
    expect(await at('old', 'DNS:localhost', -1)).toMatchObject({
      verdict: 'wrong',
      found: expect.stringMatching(/'old' expired on/),
    });
    expect(await at('other', 'DNS:other.test', 30)).toMatchObject({
      verdict: 'wrong',
      found: expect.stringContaining('another name'),
    });
  });

  it('of a client are asked for, and its own expiry is looked at', async () => {
    const caFile = authority.files.certificate;
    const url = `https://localhost:${await serve(await authority.issue('mutual', 'DNS:localhost'), caFile)}`;
    expect((await look(url, { tls: { caFile } })).certificates).toMatchObject({
      verdict: 'wrong',
      found: 'The server asks for a client certificate.',
    });
    const { certificate, key } = await authority.issue('agent-1', 'DNS:agent', 2);
    const tls = { caFile, clientCertificateFile: certificate, clientKeyFile: key };
    expect((await look(url, { tls })).certificates).toMatchObject({
      verdict: 'note',
      found: expect.stringContaining("the first of 3 to expire is 'agent-1'"),
    });
  });

  it('in a file that cannot be read are wrong, not a fault of the doctor', async () => {
    const { certificates } = await look('https://localhost:1', { tls: { caFile: '/nowhere/ca.pem' } });
    expect(certificates).toMatchObject({ verdict: 'wrong', found: expect.stringContaining('/nowhere/ca.pem') });
  });
});

describe('a proxy', () => {
  it('is told with why it is taken, and without its password', async () => {
    const proxy = await ForwardProxy.open({ 'ci.test': '127.0.0.1' }, 'user:hunter2');
    closing.push(() => proxy.close());
    const port = await serve(await authority.issue('behind', 'DNS:ci.test'));
    const https = proxy.url.replace('//', '//user:hunter2@');
    const tls = { caFile: authority.files.certificate };
    const through = await look(`https://ci.test:${port}`, { tls, proxy: { https } });
    expect(through).toMatchObject({ server: { verdict: 'ok' }, proxy: { verdict: 'ok' } });
    expect(through.proxy?.found).toMatch(/reached by http:\/\/\*\*\*@127\.0\.0\.1:\d+: https_proxy is set/);
    const refused = await look(`https://ci.test:${port}`, {
      tls,
      proxy: { https: https.replace('hunter2', 'hunter3') },
    });
    expect(refused.server).toMatchObject({ verdict: 'wrong', found: expect.stringContaining('407') });
    expect(JSON.stringify([through, refused])).not.toMatch(/hunter/);
  });

  it('is passed by where no_proxy says so, and wrong when it is no address', async () => {
    const port = await listen(createServer(healthy), closing);
    const bypass = { http: 'http://127.0.0.1:9', no: 'localhost' };
    expect((await look(`http://127.0.0.1:${port}`, { proxy: bypass })).proxy?.found).toContain('is this machine');
    const broken = await look('http://ci.test', { proxy: { http: 'socks5://user:hunter2@x' } });
    expect(broken.proxy?.verdict).toBe('wrong');
    expect(JSON.stringify(broken)).not.toMatch(/hunter/);
  });
});
