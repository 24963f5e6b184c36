import { createWriteStream } from 'node:fs';
import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Dispatcher } from 'undici';
import { sleep } from '../kernel/clock.ts';
import { connectionProblem } from '../kernel/connection-problem.ts';
import { NetworkProblem } from '../kernel/network-problem.ts';
import { type NetworkSettings, openDispatcher } from '../kernel/open-dispatcher.ts';
import { proxySettingsOf } from '../kernel/proxy-choice.ts';
import { NO_TLS_FILES } from '../kernel/trust.ts';
import type { RepositoryReference } from './action-reference.ts';
import type { ActionSource, Fetched, FetchRequest } from './fetch-action.ts';
import { withoutCredentials } from '../kernel/git-environment.ts';

/** Between one attempt and the next: three attempts in all, as GitHub's runner makes. */
const RETRY_DELAYS_MS = [1_000, 5_000];
const MAX_REDIRECTS = 5;
const REDIRECTS = new Set([301, 302, 303, 307, 308]);
/** For the response to begin, and for the next piece of it. */
const RESPONSE_TIMEOUT_MS = 100_000;
/** GitHub's limit for one attempt. */
const EXTRACT_TIMEOUT_MS = 20 * 60 * 1000;
/** A repository with more than this in one commit is no action. */
const MAX_ARCHIVE_BYTES = 512 * 1024 * 1024;

/** Fetches `BASE/OWNER/NAME/archive/REF.tar.gz` and unpacks it. */
export async function fetchTarball(source: ActionSource, request: FetchRequest, signal: AbortSignal): Promise<Fetched> {
  const url = archiveUrl(source.baseUrl, request.reference);
  // A part of ours that is missing is no trouble of the network.
  await import('undici');
  for (let attempt = 0; ; attempt++) {
    const result = await fetchOnce(url, source, request, signal);
    if (result.kind !== 'failed') return result;
    const delay = RETRY_DELAYS_MS[attempt];
    if (delay === undefined) return problem(url, `${result.why} (${attempt + 1} attempts)`);
    await sleep(source.clock, delay, signal);
  }
}

function archiveUrl(baseUrl: string, { owner, name, ref }: RepositoryReference): string {
  const path = ref.split('/').map(encodeURIComponent).join('/');
  return `${baseUrl.replace(/\/+$/, '')}/${owner}/${name}/archive/${path}.tar.gz`;
}

/** `failed`: another attempt may do better. */
type Attempt = Fetched | { readonly kind: 'failed'; readonly why: string };

async function fetchOnce(
  url: string,
  source: ActionSource,
  { into, known }: FetchRequest,
  signal: AbortSignal,
): Promise<Attempt> {
  const archive = join(into, 'archive.tar.gz');
  const dispatchers: Dispatcher[] = [];
  try {
    const response = await ask(url, source, known, dispatchers, signal);
    if (response.statusCode !== 200) {
      await response.body.dump();
      return answerTo(url, response.statusCode, known);
    }
    await pipeline(response.body, limitSize(MAX_ARCHIVE_BYTES), createWriteStream(archive), { signal });
    const directory = await extract(archive, join(into, 'unpacked'), source.environment, signal);
    const etag = response.headers.etag;
    return { kind: 'fetched', directory, version: typeof etag === 'string' ? etag : null };
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof TooLarge || error instanceof NetworkProblem)
      return problem(url, error.message.replace(/\.$/, ''));
    if (isOurDisk(error)) throw error;
    return { kind: 'failed', why: describe(error as Error) };
  } finally {
    for (const dispatcher of dispatchers) await dispatcher.destroy();
  }
}

/** Follows where it is sent: each address has its own proxy, or none. `dispatchers` gets what is to be destroyed later. */
async function ask(
  from: string,
  source: ActionSource,
  known: string | null,
  dispatchers: Dispatcher[],
  signal: AbortSignal,
): Promise<Dispatcher.ResponseData> {
  const { request } = await import('undici');
  const { origin } = new URL(from);
  for (let [url, redirects] = [from, 0]; ; redirects++) {
    const timeouts = { headersTimeout: RESPONSE_TIMEOUT_MS, bodyTimeout: RESPONSE_TIMEOUT_MS };
    const dispatcher = await openDispatcher(url, networkOf(source), timeouts);
    dispatchers.push(dispatcher);
    const response = await request(url, {
      dispatcher,
      signal,
      headers: {
        'user-agent': 'paceline',
        // Another host gets none.
        ...(source.token && new URL(url).origin === origin ? { authorization: `Bearer ${source.token}` } : {}),
        ...(known === null ? {} : { 'if-none-match': known }),
      },
    });
    const { location } = response.headers;
    if (!REDIRECTS.has(response.statusCode) || typeof location !== 'string' || redirects === MAX_REDIRECTS)
      return response;
    await response.body.dump();
    url = new URL(location, url).href;
  }
}

/** The client certificate is for Paceline's server alone. */
function networkOf({ environment, caFile }: ActionSource): NetworkSettings {
  const extraCaFile = environment.NODE_EXTRA_CA_CERTS || null;
  return { proxy: proxySettingsOf(environment), tls: { ...NO_TLS_FILES, caFile, extraCaFile } };
}

function answerTo(url: string, status: number, known: string | null): Attempt {
  if (status === 304 && known !== null) return { kind: 'unchanged' };
  if (status === 404) return problem(url, 'there is no such repository or ref (404), or the token may not see it');
  if (status === 401 || status === 403) return problem(url, `the server refuses it (${status}); does it take a token?`);
  if (status === 429 || status >= 500) return { kind: 'failed', why: `the server answered ${status}` };
  return problem(url, `the server answered ${status}`);
}

function problem(url: string, why: string): Fetched {
  return { kind: 'problem', message: `${withoutCredentials(url)} could not be fetched: ${why}` };
}

class TooLarge extends Error {}

function limitSize(limit: number): Transform {
  let size = 0;
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      size += chunk.length;
      if (size > limit) done(new TooLarge(`it is larger than ${limit / 1024 / 1024} MiB`));
      else done(null, chunk);
    },
  });
}

/** Returns the one folder in the archive. tar(1) itself refuses members and links that lead out of where it unpacks. */
async function extract(
  archive: string,
  into: string,
  env: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<string> {
  const { execa } = await import('execa');
  // What an earlier attempt left.
  await rm(into, { recursive: true, force: true });
  await mkdir(into);
  await execa('tar', ['-xzf', archive, '-C', into, '--no-same-owner'], {
    env,
    extendEnv: false,
    stdin: 'ignore',
    cancelSignal: signal,
    timeout: EXTRACT_TIMEOUT_MS,
  });
  const [top, ...others] = await readdir(into, { withFileTypes: true });
  if (!top?.isDirectory() || others.length > 0) throw new Error('the archive does not hold exactly one folder');
  return join(into, top.name);
}

/** A full or failing disk is no fault of the network. */
function isOurDisk(error: unknown): boolean {
  return ['ENOSPC', 'EACCES', 'EROFS', 'EDQUOT', 'EIO'].includes((error as NodeJS.ErrnoException).code ?? '');
}

/** tar's own words, which execa keeps, or what was wrong with the connection. */
function describe(error: Error & { shortMessage?: string; stderr?: unknown }): string {
  const stderr = typeof error.stderr === 'string' ? error.stderr.trim().split('\n')[0] : '';
  return stderr || error.shortMessage || connectionProblem(error, false);
}
