/** An agent's way to its server where companies have something in between: proxies, authorities of their own, certificates of clients. */
import { copyFile, mkdtemp, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { createServer, type RequestListener } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { NetworkSettings } from '../../src/kernel/open-dispatcher.ts';
import { openHttpApi } from '../../src/agent/http-api.ts';
import { NO_TLS_FILES, readTrust, type TlsFiles } from '../../src/kernel/trust.ts';
import type { ApiResult } from '../../src/protocol/api-error.ts';
import { type CertificateFiles, TestAuthority } from '../support/certificates.ts';
import { DIRECT } from '../support/direct-network.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { ForwardProxy } from '../support/forward-proxy.ts';
import { listen, secureServer } from '../support/listen.ts';

let folder: string;
let authority: TestAuthority;
let ofServer: CertificateFiles;
const closing: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'paceline-network-'));
  authority = await TestAuthority.make(folder, 'Test-Authority');
  ofServer = await authority.issue('server', 'DNS:localhost,DNS:ci.test,IP:127.0.0.1');
}, 30_000);
afterAll(() => rm(folder, { recursive: true, force: true }));
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

const answer: RequestListener = (_request, response) => {
  response.writeHead(201, { 'content-type': 'application/json' }).end('{"nonce":"n"}');
};

async function serve(files: CertificateFiles, clientCa: string | null = null): Promise<number> {
  return listen(await secureServer(files, clientCa, answer), closing);
}

async function ask(url: string, tls: Partial<TlsFiles>, proxy = DIRECT.proxy): Promise<ApiResult<unknown>> {
  const network: NetworkSettings = { proxy, tls: { ...NO_TLS_FILES, ...tls } };
  const api = await openHttpApi(url, network, '0.1.0');
  try {
    return await api.nonce();
  } finally {
    await api.close();
  }
}

async function refusalOf(url: string, tls: Partial<TlsFiles>): Promise<string> {
  const result = await ask(url, tls);
  return result.ok ? 'no refusal' : result.error.message;
}

describe('a server with a certificate of an authority of its own', () => {
  it('is believed with that authority, named in the settings or in NODE_EXTRA_CA_CERTS', async () => {
    const url = `https://localhost:${await serve(ofServer)}`;
    expect((await ask(url, { caFile: authority.files.certificate })).ok).toBe(true);
    expect((await ask(url, { extraCaFile: authority.files.certificate })).ok).toBe(true);
  });

  it('is not believed without, and it is said where to name it', async () => {
    const url = `https://localhost:${await serve(ofServer)}`;
    expect(await refusalOf(url, {})).toMatch(/not trusted here: .*agent\.caFile or PACELINE_CA_FILE/);
    const other = await TestAuthority.make(folder, 'Other-Authority');
    expect(await refusalOf(url, { caFile: other.files.certificate })).toMatch(/not trusted here/);
  });

  it('is not believed once its certificate has expired, or under another name', async () => {
    const caFile = authority.files.certificate;
    const old = await authority.issue('old', 'DNS:localhost', -1);
    expect(await refusalOf(`https://localhost:${await serve(old)}`, { caFile })).toMatch(/has expired: renew it/);
    const other = await authority.issue('other', 'DNS:other.test');
    const refusal = await refusalOf(`https://localhost:${await serve(other)}`, { caFile });
    expect(refusal).toMatch(/for another name \(DNS:other\.test\)/);
  });

  it('that asks for a client certificate gets it, and says so to whoever has none', async () => {
    const caFile = authority.files.certificate;
    const client = await authority.issue('agent', 'DNS:agent');
    const url = `https://localhost:${await serve(ofServer, caFile)}`;
    const own = { caFile, clientCertificateFile: client.certificate, clientKeyFile: client.key };
    expect((await ask(url, own)).ok).toBe(true);
    expect(await refusalOf(url, { caFile })).toMatch(/client certificate/);
  });
});

describe('files of certificates that are renewed', () => {
  it('count from the next request on, and leave those of before in place where they cannot be used', async () => {
    const caFile = authority.files.certificate;
    const url = `https://localhost:${await serve(ofServer, caFile)}`;
    const other = await TestAuthority.make(folder, 'Unknown-Authority');
    const [foreign, good] = [await other.issue('agent', 'DNS:agent'), await authority.issue('renewed', 'DNS:agent')];
    const own = { certificate: join(folder, 'own.pem'), key: join(folder, 'own.key') };
    const put = (from: CertificateFiles, what: 'certificate' | 'key'): Promise<void> => copyFile(from[what], own[what]);
    for (const what of ['certificate', 'key'] as const) await put(foreign, what);
    const tls = { ...NO_TLS_FILES, caFile, clientCertificateFile: own.certificate, clientKeyFile: own.key };
    const api = await openHttpApi(url, { proxy: DIRECT.proxy, tls }, '0.1.0');
    closing.push(() => api.close());
    expect((await api.nonce()).ok).toBe(false);
    await put(good, 'certificate');
    // Half of it: the agent goes on as before.
    expect((await api.nonce()).ok).toBe(false);
    await put(good, 'key');
    expect((await api.nonce()).ok).toBe(true);
    await writeFile(own.certificate, 'nothing');
    expect((await api.nonce()).ok).toBe(true);
  });
});

describe('renewed files of certificates that cannot be used', () => {
  it('are told of once for each state that they are in, and are looked into again only when that or a minute has passed', async () => {
    const caFile = authority.files.certificate;
    const url = `https://localhost:${await serve(ofServer, caFile)}`;
    const other = await TestAuthority.make(folder, 'Another-Authority');
    const [foreign, good] = [await other.issue('agent', 'DNS:agent'), await authority.issue('mended', 'DNS:agent')];
    const own = { certificate: join(folder, 'mended-own.pem'), key: join(folder, 'mended-own.key') };
    for (const what of ['certificate', 'key'] as const) await copyFile(foreign[what], own[what]);
    const tls = { ...NO_TLS_FILES, caFile, clientCertificateFile: own.certificate, clientKeyFile: own.key };
    const clock = new FakeClock();
    const warnings: string[] = [];
    const log = { warn: (sentence: string) => void warnings.push(sentence) };
    const api = await openHttpApi(url, { proxy: DIRECT.proxy, tls }, '0.1.0', { clock, log });
    closing.push(() => api.close());

    await copyFile(good.key, own.key);
    for (let request = 0; request < 3; request++) expect((await api.nonce()).ok).toBe(false);
    expect(warnings).toEqual([expect.stringMatching(/cannot be used, those of before stay: .*key values mismatch/)]);

    const text = await readFile(good.certificate, 'utf8');
    // Of one size and time: nothing of the file says that it is another.
    const put = async (certificate: string): Promise<void> => {
      await writeFile(own.certificate, certificate);
      await utimes(own.certificate, 1, 1);
    };
    await put(text.replaceAll('BEGIN', 'BEGUN'));
    expect((await api.nonce()).ok).toBe(false);
    expect(warnings.slice(1)).toEqual([expect.stringContaining(`no certificate in PEM in ${own.certificate}`)]);
    await put(text);
    expect((await api.nonce()).ok).toBe(false);
    await clock.advance(60_000);
    expect((await api.nonce()).ok).toBe(true);
    expect(warnings).toHaveLength(2);
  });
});

describe('settings of certificates that are wrong', () => {
  it.each([
    ['a file that is not there', { caFile: '/nowhere/ca.pem' }, /\/nowhere\/ca\.pem \(agent\.caFile/],
    ['a certificate without its key', { clientCertificateFile: '/nowhere/c.pem' }, /clientKeyFile.* is missing/],
  ])('are refused in a sentence: %s', async (_what, files, sentence) => {
    await expect(readTrust({ ...NO_TLS_FILES, ...files })).rejects.toThrow(sentence);
  });

  it('are refused in a sentence: a file without a certificate, a key of another certificate', async () => {
    const empty = join(folder, 'empty.pem');
    await writeFile(empty, 'nothing');
    await expect(readTrust({ ...NO_TLS_FILES, caFile: empty })).rejects.toThrow(/no certificate in PEM in/);
    const other = await authority.issue('unpaired', 'DNS:other');
    const files = { clientCertificateFile: ofServer.certificate, clientKeyFile: other.key };
    await expect(readTrust({ ...NO_TLS_FILES, ...files })).rejects.toThrow(/cannot be used .*key values mismatch/);
  });
});

describe('a proxy', () => {
  it('is gone through by CONNECT for HTTPS, with its password', async () => {
    const proxy = await ForwardProxy.open({ 'ci.test': '127.0.0.1' }, 'user:secret');
    closing.push(() => proxy.close());
    const port = await serve(ofServer);
    const tls = { caFile: authority.files.certificate };
    const https = proxy.url.replace('//', '//user:secret@');
    expect(await ask(`https://ci.test:${port}`, tls, { ...DIRECT.proxy, https })).toMatchObject({ ok: true });
    expect(proxy.asked).toEqual([`CONNECT ci.test:${port}`]);
    const refused = await ask(`https://ci.test:${port}`, tls, { ...DIRECT.proxy, https: proxy.url });
    expect(refused).toMatchObject({ ok: false, error: { message: expect.stringMatching(/proxy.*407/i) } });
    expect(JSON.stringify(refused)).not.toContain('secret');
  });

  it('is asked for HTTP with the whole address, and gone past where no_proxy says so', async () => {
    const proxy = await ForwardProxy.open({ 'ci.test': '127.0.0.1' });
    closing.push(() => proxy.close());
    const port = await listen(createServer(answer), closing);
    const settings = { http: proxy.url, https: null, no: null };
    expect(await ask(`http://ci.test:${port}`, {}, settings)).toMatchObject({ ok: true });
    expect(proxy.asked).toEqual([`POST http://ci.test:${port}/v1/nonces`]);
    expect((await ask(`http://ci.test:${port}`, {}, { ...settings, no: '.test' })).ok).toBe(false);
    expect(proxy.asked).toHaveLength(1);
    expect(await ask(`http://127.0.0.1:${port}`, {}, settings)).toMatchObject({ ok: true });
    expect(proxy.asked).toHaveLength(1);
  });
});
