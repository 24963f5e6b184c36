/** A server that speaks TLS itself: new certificates without a restart, and a stop that waits for no handshake. */
import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:https';
import { connect } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { SILENT_LOG } from '../../../src/kernel/diagnostic-log.ts';
import { HeldRequests } from '../../../src/server/http/held-requests.ts';
import { type HttpServer, openHttpServer } from '../../../src/server/http/http-server.ts';
import { openServerTls, type TlsFiles } from '../../../src/server/http/server-tls.ts';
import { TestAuthority } from '../../support/certificates.ts';
import { FakeClock } from '../../support/fake-clock.ts';

const MINUTE_MS = 60_000;

let folder: string;
let authority: TestAuthority;
let files: TlsFiles & { readonly certificateFile: string; readonly keyFile: string };
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'paceline-tls-'));
  authority = await TestAuthority.make(folder, 'Test-Authority');
  files = { certificateFile: join(folder, 'server.pem'), keyFile: join(folder, 'server.key'), clientCaFile: null };
}, 30_000);
afterAll(() => rm(folder, { recursive: true, force: true }));

async function install(name: string): Promise<void> {
  const { certificate, key } = await authority.issue(name, 'DNS:localhost');
  await copyFile(certificate, files.certificateFile);
  await copyFile(key, files.keyFile);
}

/** With a clock that the test moves on, and what was logged as an error. */
async function serve(given: TlsFiles): Promise<{ server: HttpServer; clock: FakeClock; errors: string[] }> {
  const clock = new FakeClock();
  const errors: string[] = [];
  const log = { ...SILENT_LOG, error: (message: string) => errors.push(message) };
  const tls = await openServerTls(given, clock, log);
  const server = await openHttpServer(
    () => new Response('here'),
    { held: new HeldRequests(), clock },
    { host: '127.0.0.1', port: 0, onError: () => undefined, tls },
  );
  return { server, clock, errors };
}

/** The name that the server shows on a new connection. */
async function nameAt(port: number): Promise<unknown> {
  const ca = await readFile(authority.files.certificate);
  const asked = request({ host: '127.0.0.1', servername: 'localhost', port, ca, agent: false });
  asked.end();
  const [response] = (await once(asked, 'response')) as [NodeJS.ReadableStream & { socket: TLSSocket }];
  const { CN } = response.socket.getPeerCertificate().subject;
  response.resume();
  await once(response, 'end');
  return CN;
}

describe('certificates of a server', () => {
  it('that change are used for new connections; those that do not fit are not, and are told', async () => {
    await install('first');
    const { server, clock, errors } = await serve(files);
    try {
      expect(await nameAt(server.port)).toBe('first');
      await install('second');
      await clock.advance(MINUTE_MS);
      // The files are read meanwhile.
      for (let name: unknown = 'first'; name === 'first'; name = await nameAt(server.port));
      expect(await nameAt(server.port)).toBe('second');
      await writeFile(files.keyFile, 'no key');
      await clock.advance(MINUTE_MS);
      while (errors.length === 0) await nameAt(server.port);
      expect(errors).toEqual([expect.stringContaining('the certificates stay as they were')]);
      expect(await nameAt(server.port)).toBe('second');
    } finally {
      await server.stop();
    }
    expect(clock.pendingTimers).toBe(0);
  });

  it('that cannot be used keep it from starting, in a sentence', async () => {
    await install('third');
    const clock = new FakeClock();
    const open = (change: Partial<TlsFiles>) => openServerTls({ ...files, ...change }, clock, SILENT_LOG);
    await expect(open({ keyFile: null })).rejects.toThrow('needs both certificateFile and keyFile');
    await expect(open({ keyFile: '/nowhere/key' })).rejects.toThrow(/server\.tls\.keyFile cannot be read: .*nowhere/);
    const { key } = await authority.issue('fourth', 'DNS:localhost');
    await expect(open({ keyFile: key })).rejects.toThrow(/cannot be used: .*mismatch/);
    const empty = join(folder, 'empty.pem');
    await writeFile(empty, '');
    await expect(open({ clientCaFile: empty })).rejects.toThrow('empty.pem cannot be used: there is no certificate');
    await expect(open({ keyFile: empty })).rejects.toThrow('empty.pem cannot be used: there is no private key');
    await expect(open({ certificateFile: empty })).rejects.toThrow('empty.pem cannot be used: there is no certificate');
  });
});

describe('a server that stops', () => {
  it('waits for nobody who has not finished the handshake', async () => {
    await install('fifth');
    const { server } = await serve(files);
    const idle = connect({ host: '127.0.0.1', port: server.port });
    await once(idle, 'connect');
    // A whole request later the server has seen the connection before it.
    await nameAt(server.port);
    const closed = once(idle, 'close');
    await server.stop();
    await closed;
  });
});
