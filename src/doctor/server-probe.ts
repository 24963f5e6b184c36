import { lookup } from 'node:dns/promises';
import { request as plainRequest } from 'node:http';
import { request as secureRequest } from 'node:https';
import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls, type DetailedPeerCertificate } from 'node:tls';
import { connectionProblem, mayWantClientCertificate } from '../kernel/connection-problem.ts';
import { type NetworkSettings, openDispatcher } from '../kernel/open-dispatcher.ts';
import { readTrust, type Trust } from '../kernel/trust.ts';
import type { Clock } from '../kernel/clock.ts';
import { chooseProxy, type ProxyChoice } from '../kernel/proxy-choice.ts';

/** For all of it; less than a check may take. */
const PROBE_MS = 15_000;

/** In the order in which a connection is made; `healthz` is a whole request, as an agent would make it. */
export type Stage = 'dns' | 'tcp' | 'tls' | 'healthz';

export interface Certificate {
  /** Its common name, or else its organisation. */
  readonly subject: string;
  readonly issuer: string;
  /** Milliseconds since the epoch. */
  readonly notAfter: number;
}

export interface Probe {
  readonly route: ProxyChoice;
  /** Milliseconds of each stage that was passed. */
  readonly stages: readonly { readonly stage: Stage; readonly ms: number }[];
  /** Null: the server answered. `why` is without a full stop. */
  readonly failure: { readonly stage: Stage; readonly why: string } | null;
  /** From the server's own to the last that it sent; empty without TLS. */
  readonly chain: readonly Certificate[];
  /** Why the chain is not believed, as Node.js names it: `SELF_SIGNED_CERT_IN_CHAIN`. Null: it is. */
  readonly untrusted: string | null;
  /** What its clock is ahead of ours, in milliseconds; null where it did not say. */
  readonly clockOffsetMs: number | null;
}

/** Goes to a server stage by stage. Rejects with a `NetworkProblem` for settings that are wrong. */
export async function probeServer(server: string, network: NetworkSettings, clock: Clock): Promise<Probe> {
  const url = new URL(server);
  const route = chooseProxy(url, network.proxy);
  const stages: { stage: Stage; ms: number }[] = [];
  let failed: Stage = 'dns';
  let chain: readonly Certificate[] = [];
  let untrusted: string | null = null;
  const pass = async <T>(stage: Stage, work: () => Promise<T>): Promise<T> => {
    failed = stage;
    const startedAt = clock.monotonic();
    const value = await work();
    stages.push({ stage, ms: Math.round(clock.monotonic() - startedAt) });
    return value;
  };
  const end = (failure: Probe['failure'], clockOffsetMs: number | null = null): Probe => ({
    ...{ route, stages, failure, chain, untrusted, clockOffsetMs },
  });
  const trust = await readTrust(network.tls);
  const limit = AbortSignal.timeout(PROBE_MS);
  let socket: Socket | null = null;
  try {
    const hop = route.kind === 'proxy' ? new URL(route.url) : url;
    await pass('dns', () => lookup(hostOf(hop)));
    socket = await pass('tcp', () => opened(connectTcp({ host: hostOf(hop), port: portOf(hop) }), 'connect', limit));
    if (url.protocol === 'https:') {
      if (route.kind === 'proxy') {
        socket.destroy();
        socket = await pass('tls', () => tunnel(hop, url, trust, limit));
      }
      const seen = await pass('tls', () => shakeHands(socket as Socket, url, trust, limit));
      ({ chain, untrusted } = seen);
    }
    const answer = await pass('healthz', () => askHealth(server, network, clock, limit));
    return end(null, answer.clockOffsetMs);
  } catch (error) {
    const why = limit.aborted
      ? 'no answer in time'
      : connectionProblem(error, mayWantClientCertificate(server, network));
    return end({ stage: failed, why });
  } finally {
    socket?.destroy();
  }
}

function hostOf({ hostname }: URL): string {
  return hostname.replace(/^\[(.*)\]$/, '$1');
}

function portOf({ port, protocol }: URL): number {
  return port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port);
}

function opened<T extends Socket>(socket: T, event: 'connect' | 'secureConnect', signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = (): void => void socket.destroy(new Error('no answer in time'));
    signal.addEventListener('abort', abort, { once: true });
    const settle = (): void => signal.removeEventListener('abort', abort);
    socket.once('error', (error) => {
      settle();
      reject(error);
    });
    socket.once('close', () => {
      settle();
      reject(new Error('the connection was closed'));
    });
    socket.once(event, () => {
      settle();
      // What happens to it after we have seen enough is nobody's concern.
      socket.on('error', () => undefined);
      resolve(socket);
    });
  });
}

/** By CONNECT. */
function tunnel(proxy: URL, target: URL, { authorities }: Trust, signal: AbortSignal): Promise<Socket> {
  const { username, password } = proxy;
  const login = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  const authority = `${target.hostname}:${portOf(target)}`;
  const options = {
    ...{ host: hostOf(proxy), port: portOf(proxy), method: 'CONNECT', path: authority, agent: false, signal },
    headers: {
      host: authority,
      ...(username === '' ? {} : { 'proxy-authorization': `Basic ${Buffer.from(login).toString('base64')}` }),
    },
  };
  return new Promise((resolve, reject) => {
    const request =
      proxy.protocol === 'https:' ? secureRequest({ ...options, ca: [...authorities] }) : plainRequest(options);
    request.once('error', reject);
    request.once('connect', ({ statusCode }, socket) => {
      if (statusCode === 200) {
        resolve(socket);
        return;
      }
      socket.destroy();
      const why = statusCode === PASSWORD_STATUS ? ': it wants another name or password' : '';
      reject(new Error(`the proxy answers with status ${statusCode ?? 'none'}${why}`));
    });
    request.end();
  });
}

const PASSWORD_STATUS = 407;

/** Believes everybody, to see whom it would have to believe; nothing is sent on this connection. */
async function shakeHands(
  socket: Socket,
  url: URL,
  { context }: Trust,
  signal: AbortSignal,
): Promise<Pick<Probe, 'chain' | 'untrusted'>> {
  const host = hostOf(url);
  const secure = connectTls({
    ...{ socket, host, secureContext: context, rejectUnauthorized: false },
    ...(/^[\d.]+$|:/.test(host) ? {} : { servername: host }),
  });
  await opened(secure, 'secureConnect', signal);
  const chain: Certificate[] = [];
  const seen = new Set<string>();
  // Without a certificate it is an empty object, and the last is its own issuer.
  let next: Partial<DetailedPeerCertificate> | undefined = secure.getPeerCertificate(true);
  while (next?.fingerprint256 !== undefined && !seen.has(next.fingerprint256)) {
    seen.add(next.fingerprint256);
    const { subject, issuer, valid_to: end = '' } = next;
    chain.push({ subject: nameOf(subject), issuer: nameOf(issuer), notAfter: Date.parse(end) });
    next = next.issuerCertificate;
  }
  // Node.js gives the code where its types have an error.
  const code = secure.authorizationError as Error | string | null | undefined;
  return {
    chain,
    untrusted: secure.authorized ? null : typeof code === 'string' ? code : (code?.message ?? 'unknown'),
  };
}

function nameOf(names: { readonly CN?: unknown; readonly O?: unknown } | undefined): string {
  const name = names?.CN ?? names?.O;
  return typeof name === 'string' ? name : 'an authority without a name';
}

/** The date is in whole seconds, so half of one is added; half of the time on the way too. */
async function askHealth(
  server: string,
  network: NetworkSettings,
  clock: Clock,
  signal: AbortSignal,
): Promise<Pick<Probe, 'clockOffsetMs'>> {
  const { request } = await import('undici');
  const dispatcher = await openDispatcher(server, network, { headersTimeout: PROBE_MS, bodyTimeout: PROBE_MS });
  try {
    const askedAt = clock.monotonic();
    const { statusCode, headers, body } = await request(`${server.replace(/\/+$/, '')}/healthz`, {
      dispatcher,
      signal,
    });
    const halfMs = (clock.monotonic() - askedAt) / 2;
    const text = await body.text();
    if (statusCode !== 200 || !/"status":\s*"up"/.test(text))
      throw new Error(`what answers is no Paceline server (status ${statusCode}): a proxy or a login page on the way?`);
    const date = Date.parse(String(headers.date));
    const offset = date + HALF_SECOND_MS - (clock.now() - halfMs);
    return { clockOffsetMs: Number.isNaN(offset) ? null : Math.round(offset) };
  } finally {
    await dispatcher.destroy();
  }
}

const HALF_SECOND_MS = 500;
