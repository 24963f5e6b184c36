import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { readFile, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { connectionProblem, mayWantClientCertificate } from '../kernel/connection-problem.ts';
import { type NetworkSettings, openDispatcher } from '../kernel/open-dispatcher.ts';
import { InstallProblem } from './install-problem.ts';

const MAX_REDIRECTS = 5;
const ANSWER_MS = 60_000;
/** A package with a Node.js of its own is a tenth of it. */
const MAX_PACKAGE_BYTES = 1024 * 1024 * 1024;
const MAX_SUMS_BYTES = 1024 * 1024;
const SUMS_FILE = 'SHA256SUMS';

export interface PackageSource {
  /** An absolute path, or an address of http or https. */
  readonly source: string;
  /** In hex; null: the one in `SHA256SUMS` beside it. */
  readonly sha256: string | null;
  readonly network: NetworkSettings;
}

/**
 * The package as a file on this disk, with the checksum that was promised. What comes over the network has to have one,
 * and one that did not come the same unprotected way. A file without one is held to its own list alone.
 *
 * @param download Where a package of the network is put.
 */
export async function fetchPackage({ source, sha256, network }: PackageSource, download: string): Promise<string> {
  if (!isAddress(source)) {
    await refuseNoFile(source);
    const expected = sha256 ?? (await sumBeside(source));
    if (expected !== null) await refuseOther(source, source, expected);
    return source;
  }
  const url = new URL(source);
  if (sha256 === null && url.protocol !== 'https:')
    throw new InstallProblem('What comes by http:// may be changed on its way: give its checksum by --sha256.');
  const expected = sha256 ?? (await sumAt(url, network));
  await rm(download, { force: true });
  await fetchTo(url, network, MAX_PACKAGE_BYTES, () => createWriteStream(download, { mode: 0o600 }));
  await refuseOther(download, shown(url), expected);
  return download;
}

export function isAddress(source: string): boolean {
  return /^https?:\/\//i.test(source);
}

async function refuseNoFile(path: string): Promise<void> {
  const found = await stat(path).catch((error: unknown) => (error as NodeJS.ErrnoException).code);
  if (found === 'ENOENT' || found === 'ENOTDIR') throw new InstallProblem(`There is no file ${path}.`);
  if (typeof found === 'object' && found.isDirectory())
    throw new InstallProblem(`${path} is a folder: an upgrade takes a package, such as paceline-runner-….tar.gz.`);
}

async function sumBeside(path: string): Promise<string | null> {
  try {
    return sumIn(
      await readFile(join(dirname(path), SUMS_FILE), 'utf8'),
      basename(path),
      join(dirname(path), SUMS_FILE),
    );
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

async function sumAt(url: URL, network: NetworkSettings): Promise<string> {
  const sums = new URL(SUMS_FILE, url);
  const chunks: Buffer[] = [];
  const collect = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      chunks.push(chunk);
      done();
    },
  });
  await fetchTo(sums, network, MAX_SUMS_BYTES, () => collect.resume());
  return sumIn(Buffer.concat(chunks).toString(), basename(url.pathname), shown(sums));
}

function sumIn(text: string, name: string, where: string): string {
  const line = text.split('\n').find((one) => one.replace(/^\S+\s+\*?/, '') === name);
  const [, sum] = /^([0-9a-f]{64})\s/i.exec(line ?? '') ?? [];
  if (sum === undefined)
    throw new InstallProblem(`${where} has no checksum of ${name}: give one by --sha256, or take a file that it has.`);
  return sum;
}

async function refuseOther(path: string, name: string, expected: string): Promise<void> {
  const hash = createHash('sha256');
  try {
    await pipeline(createReadStream(path), hash);
  } catch (error) {
    throw new InstallProblem(`${name} cannot be read: ${(error as Error).message}.`);
  }
  const found = hash.digest('hex');
  if (found !== expected.toLowerCase())
    throw new InstallProblem(
      `${name} is not what was promised: its SHA-256 is ${found}, not ${expected.toLowerCase()}.`,
    );
}

async function fetchTo(
  first: URL,
  network: NetworkSettings,
  maxBytes: number,
  target: () => NodeJS.WritableStream,
): Promise<void> {
  const { request } = await import('undici');
  let url = first;
  for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects++) {
    const dispatcher = await openDispatcher(url.origin, network, { headersTimeout: ANSWER_MS, bodyTimeout: ANSWER_MS });
    try {
      const { statusCode, headers, body } = await request(url, { dispatcher });
      if (statusCode === 200) {
        await pipeline(body, atMost(maxBytes), target());
        return;
      }
      await body.dump();
      const { location } = headers;
      if (statusCode < 300 || statusCode >= 400 || typeof location !== 'string')
        throw new InstallProblem(`${shown(url)} cannot be fetched: the answer is ${statusCode}.`, 'failed');
      if (!URL.canParse(location, url.href) || !isAddress(new URL(location, url).href))
        throw new InstallProblem(`${shown(url)} leads to what is no address of http or https.`, 'failed');
      const next = new URL(location, url);
      if (url.protocol === 'https:' && next.protocol !== 'https:')
        throw new InstallProblem(`${shown(url)} leads to an address without TLS, which is not followed.`, 'failed');
      url = next;
    } catch (error) {
      if (error instanceof InstallProblem) throw error;
      if (error instanceof Error && error.name === 'NetworkProblem') throw error;
      const why = connectionProblem(error, mayWantClientCertificate(url.origin, network));
      throw new InstallProblem(`${shown(url)} cannot be fetched: ${why}.`, 'failed');
    } finally {
      await dispatcher.destroy();
    }
  }
  throw new InstallProblem(`${shown(first)} leads from one address to the next, without end.`, 'failed');
}

/** An address without what may be secret in it; a path as it is. */
export function shownSource(source: string): string {
  return isAddress(source) ? shown(new URL(source)) : source;
}

/** Without name, password and query: there may be something in it that opens it. */
function shown({ origin, pathname }: URL): string {
  return `${origin}${pathname}`;
}

function atMost(bytes: number): Transform {
  let left = bytes;
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      left -= chunk.length;
      if (left < 0) done(new Error(`it has more than ${bytes} bytes`));
      else done(null, chunk);
    },
  });
}
