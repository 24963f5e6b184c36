/** Serves the repositories below a folder over HTTP as a git host does, to those who show the token. */
import { execFileSync, spawn } from 'node:child_process';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';

export interface GitHttpServer {
  /** `http://127.0.0.1:PORT` */
  readonly url: string;
  /** `Authorization` headers of each request, in order. */
  readonly shown: readonly (readonly string[])[];
  close(): Promise<void>;
}

/** @param authorization The whole value of the header; null serves everybody. */
export async function serveGit(folder: string, authorization: string | null): Promise<GitHttpServer> {
  const shown: string[][] = [];
  const server = createServer((request, response) => {
    const given = request.rawHeaders.filter((_, i, all) => all[i - 1]?.toLowerCase() === 'authorization');
    shown.push(given);
    // As GitHub does: two of them are a bad request.
    if (given.length > 1) response.writeHead(400).end();
    else if (authorization !== null && given[0] !== authorization)
      response.writeHead(401, { 'www-authenticate': 'Basic realm="test"' }).end();
    else answer(folder, request, response);
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  return {
    url: `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`,
    shown,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** Through git's own CGI program. */
function answer(folder: string, request: IncomingMessage, response: ServerResponse): void {
  const { pathname, searchParams } = new URL(request.url ?? '/', 'http://localhost');
  const backend = spawn(join(execFileSync('git', ['--exec-path'], { encoding: 'utf8' }).trim(), 'git-http-backend'), {
    env: {
      PATH: process.env.PATH,
      GIT_PROJECT_ROOT: folder,
      GIT_HTTP_EXPORT_ALL: '1',
      GIT_CONFIG_NOSYSTEM: '1',
      GIT_PROTOCOL: request.headers['git-protocol'] as string | undefined,
      PATH_INFO: pathname,
      QUERY_STRING: searchParams.toString(),
      REQUEST_METHOD: request.method,
      CONTENT_TYPE: request.headers['content-type'],
      HTTP_CONTENT_ENCODING: request.headers['content-encoding'],
    },
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  request.pipe(backend.stdin);
  const blocks: Buffer[] = [];
  backend.stdout.on('data', (block: Buffer) => blocks.push(block));
  backend.stdout.on('end', () => {
    const output = Buffer.concat(blocks);
    const end = output.indexOf('\r\n\r\n');
    const headers = output.subarray(0, end).toString().split('\r\n');
    for (const header of headers) {
      const [name = '', value = ''] = header.split(/: (.*)/);
      if (name.toLowerCase() === 'status') response.statusCode = parseInt(value);
      else response.setHeader(name, value);
    }
    response.end(output.subarray(end + 4));
  });
}
