import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { access, mkdtemp, symlink } from 'node:fs/promises';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { REFRESH_AFTER_MS } from '../../src/actions/action-store.ts';
import { TestAuthority } from '../support/certificates.ts';
import { ForwardProxy } from '../support/forward-proxy.ts';
import { load, openPlace, SAYS, serve, tarball, writeFiles, type HttpServer, type Place } from './actions-harness.ts';

let place: Place;
const servers: { close(): Promise<unknown> }[] = [];
beforeEach(async () => {
  place = await openPlace();
});
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
  await place.remove();
});

async function open(...args: Parameters<typeof serve>): Promise<HttpServer> {
  const server = await serve(...args);
  servers.push(server);
  return server;
}

describe('actions over HTTP', () => {
  it('come as BASE/OWNER/NAME/archive/REF.tar.gz, with the token', async () => {
    const archive = await tarball(place, 'tool-1', { 'action.yml': SAYS('fetched'), 'main.js': '' });
    const server = await open((_, response) => response.end(archive));
    const action = await load(place.store({ baseUrl: `${server.url}/`, token: 'tok' }), 'octo/tool@releases/v1');
    expect(action.manifest.name).toBe('fetched');
    await access(join(action.directory, 'main.js'));
    expect(server.requests).toHaveLength(1);
    expect(server.requests[0]!.url).toBe('/octo/tool/archive/releases/v1.tar.gz');
    expect(server.requests[0]!.headers.authorization).toBe('Bearer tok');
  });

  it('follow redirects; the token goes to no other host', async () => {
    const archive = await tarball(place, 'tool', { 'action.yml': SAYS('elsewhere') });
    const other = await open((_, response) => response.end(archive));
    const server = await open((_, response) => response.writeHead(302, { location: `${other.url}/x` }).end());
    const store = place.store({ baseUrl: server.url, token: 'tok' });
    expect((await load(store, 'octo/tool@v1')).manifest.name).toBe('elsewhere');
    expect(server.requests[0]!.headers.authorization).toBe('Bearer tok');
    expect(other.requests[0]!.headers.authorization).toBeUndefined();
  });

  it.each([
    [404, /archive\/v1\.tar\.gz could not be fetched: there is no such repository or ref \(404\)/],
    [403, /the server refuses it \(403\)/],
    [410, /the server answered 410/],
  ])('%i is final', async (status, sentence) => {
    const server = await open((_, response) => response.writeHead(status).end('no'));
    await expect(load(place.store({ baseUrl: server.url }), 'octo/tool@v1')).rejects.toThrow(sentence);
    expect(server.requests).toHaveLength(1);
  });

  it('are tried three times when the server or the network fails, with pauses', async () => {
    const archive = await tarball(place, 'tool', { 'action.yml': SAYS('third time') });
    const arrived: (() => void)[] = [];
    const server = await open((request, response) => {
      if (server.requests.length === 1) response.writeHead(503).end();
      else if (server.requests.length === 2) request.socket.destroy();
      else response.end(archive);
      arrived.shift()?.();
    });
    const loaded = load(place.store({ baseUrl: server.url }), 'octo/tool@v1');
    for (const pause of [1_000, 5_000]) {
      await place.clock.armed();
      await place.clock.advance(pause);
    }
    expect((await loaded).manifest.name).toBe('third time');
    expect(server.requests).toHaveLength(3);
  });

  it('what still fails then is told with the last reason', async () => {
    const server = await open((_, response) => response.end('this is no archive'));
    const loaded = load(place.store({ baseUrl: server.url }), 'octo/tool@v1').catch((error: unknown) => error as Error);
    for (const pause of [1_000, 5_000]) {
      await place.clock.armed();
      await place.clock.advance(pause);
    }
    expect(((await loaded) as Error).message).toMatch(/could not be fetched: .*gzip.* \(3 attempts\)/);
  });

  it('are asked for by what is known of the copy, and a 304 leaves it', async () => {
    const archive = await tarball(place, 'tool', { 'action.yml': SAYS('same') });
    const server = await open((request, response) => {
      if (request.headers['if-none-match'] === '"abc"') response.writeHead(304).end();
      else response.writeHead(200, { etag: '"abc"' }).end(archive);
    });
    const store = place.store({ baseUrl: server.url });
    const before = await load(store, 'octo/tool@main');
    await place.clock.advance(REFRESH_AFTER_MS);
    expect((await load(store, 'octo/tool@main')).directory).toBe(before.directory);
    expect(server.requests).toHaveLength(2);
  });

  it('an archive cannot write through a link that it brings along', async () => {
    const source = await mkdtemp(join(place.root, 'evil-'));
    await writeFiles(source, { 'tool/action.yml': SAYS('evil'), escaped: 'x' });
    await symlink(place.root, join(source, 'tool/link'));
    const file = join(source, 'evil.tar');
    execFileSync('tar', ['-cf', file, '-C', source, 'tool']);
    execFileSync('tar', ['-rf', file, '-C', source, '--transform=s,^,tool/link/,', 'escaped']);
    expect(execFileSync('tar', ['-tf', file], { encoding: 'utf8' })).toContain('tool/link/escaped');
    const server = await open((_, response) => response.end(gzipSync(readFileSync(file))));
    const loaded = load(place.store({ baseUrl: server.url }), 'octo/tool@v1').catch((error: unknown) => error as Error);
    for (const pause of [1_000, 5_000]) {
      await place.clock.armed();
      await place.clock.advance(pause);
    }
    expect(((await loaded) as Error).message).toMatch(/could not be fetched: tar: tool\/link\/escaped/);
    await expect(access(join(place.root, 'escaped'))).rejects.toThrow('ENOENT');
  });

  it('go through the proxy that the environment names, unless it excepts the host', async () => {
    const archive = await tarball(place, 'tool', { 'action.yml': SAYS('fetched') });
    const target = await open((_, response) => response.end(archive));
    const proxy = await ForwardProxy.open({ 'actions.test': '127.0.0.1' });
    servers.push(proxy);
    const environment = { PATH: process.env.PATH ?? '', HTTP_PROXY: proxy.url.replace('http://', '') };
    const baseUrl = target.url.replace('127.0.0.1', 'actions.test');
    const through = place.store({ baseUrl, environment });
    expect((await load(through, 'octo/tool@v1')).manifest.name).toBe('fetched');
    expect(proxy.asked).toEqual([`GET ${baseUrl}/octo/tool/archive/v1.tar.gz`]);
    // This machine has no proxy, whatever is excepted; a redirect goes the way of the address that it leads to.
    const moved = await open((_, response) => response.writeHead(302, { location: `${baseUrl}/moved` }).end());
    const direct = place.store({ baseUrl: moved.url, environment, cacheDirectory: join(place.root, 'moved') });
    expect((await load(direct, 'octo/tool@v1')).manifest.name).toBe('fetched');
    expect(proxy.asked.slice(1)).toEqual([`GET ${baseUrl}/moved`]);
    const around = place.store({ baseUrl, environment: { ...environment, no_proxy: 'actions.test' } });
    const loaded = load(around, 'octo/tool@v2').catch((error: unknown) => error as Error);
    for (const pause of [1_000, 5_000]) {
      await place.clock.armed();
      await place.clock.advance(pause);
    }
    expect(((await loaded) as Error).message).toMatch(/getaddrinfo .*actions\.test/);
    expect(proxy.asked).toHaveLength(2);
  });

  it('come by TLS from a server of a private authority, through a proxy too, and are refused without it', async () => {
    const authority = await TestAuthority.make(place.root, 'Private-Authority');
    const files = await authority.issue('actions', 'DNS:actions.test');
    const archive = await tarball(place, 'tool', { 'action.yml': SAYS('trusted') });
    const [cert, key] = [readFileSync(files.certificate), readFileSync(files.key)];
    const target = createServer({ cert, key }, (_, response) => response.end(archive)).listen(0, '127.0.0.1');
    await once(target, 'listening');
    servers.push({ close: () => (target.closeAllConnections(), new Promise((done) => target.close(done))) });
    const proxy = await ForwardProxy.open({ 'actions.test': '127.0.0.1' });
    servers.push(proxy);
    const host = `actions.test:${(target.address() as AddressInfo).port}`;
    const environment = { PATH: process.env.PATH ?? '', https_proxy: proxy.url };
    const caFile = authority.files.certificate;
    const trusting = place.store({ baseUrl: `https://${host}`, environment, caFile });
    expect((await load(trusting, 'octo/tool@v1')).manifest.name).toBe('trusted');
    expect(proxy.asked).toEqual([`CONNECT ${host}`]);
    const environmental = place.store({
      baseUrl: `https://${host}`,
      environment: { ...environment, NODE_EXTRA_CA_CERTS: caFile },
    });
    expect((await load(environmental, 'octo/tool@v2')).manifest.name).toBe('trusted');
    const loaded = load(place.store({ baseUrl: `https://${host}`, environment }), 'octo/tool@v3').catch(
      (error: unknown) => error as Error,
    );
    for (const pause of [1_000, 5_000]) {
      await place.clock.armed();
      await place.clock.advance(pause);
    }
    expect(((await loaded) as Error).message).toMatch(/not trusted here: .*PACELINE_CA_FILE/);
  });
});
