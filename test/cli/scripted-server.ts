import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export const TOKEN = 'pcl_u_for_tests';

export interface SeenRequest {
  readonly method: string;
  /** With the query. */
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: unknown;
}

type Answer = (request: SeenRequest, response: ServerResponse) => void;

/** A server that answers as the test says: a real one, on a port of its own, with the token of the tests. */
export class ScriptedServer {
  readonly seen: SeenRequest[] = [];
  readonly #server: Server;
  readonly #answers = new Map<string, Answer[]>();

  private constructor() {
    this.#server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => this.#answer(request, Buffer.concat(chunks).toString(), response));
    });
  }

  static async open(): Promise<ScriptedServer> {
    const scripted = new ScriptedServer();
    await new Promise<void>((resolve) => scripted.#server.listen(0, '127.0.0.1', resolve));
    return scripted;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  get environment(): Record<string, string> {
    return { PACELINE_SERVER: this.url, PACELINE_TOKEN: TOKEN };
  }

  /** `GET /v1/runs`, without the query. Several answers are given one after the other, the last one for ever. */
  on(route: string, ...answers: (Answer | object | null)[]): this {
    this.#answers.set(
      route,
      answers.map((answer) => (typeof answer === 'function' ? (answer as Answer) : json(200, answer))),
    );
    return this;
  }

  requestsOf(route: string): SeenRequest[] {
    return this.seen.filter(({ method, path }) => `${method} ${path.split('?')[0] ?? ''}` === route);
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #answer(request: IncomingMessage, text: string, response: ServerResponse): void {
    const { method = '', url = '', headers } = request;
    const seen = { method, path: url, headers, body: text === '' ? null : (JSON.parse(text) as unknown) };
    this.seen.push(seen);
    if (headers.authorization !== `Bearer ${TOKEN}`) {
      refuse(401, 'unauthorized', 'token-unknown', 'the server does not know this token')(seen, response);
      return;
    }
    const answers = this.#answers.get(`${method} ${url.split('?')[0] ?? ''}`);
    const answer = answers !== undefined && answers.length > 1 ? answers.shift() : answers?.[0];
    (answer ?? refuse(404, 'not_found', null, `there is nothing at ${url}`))(seen, response);
  }
}

export function json(status: number, value: unknown): Answer {
  return (_request, response) => {
    response.writeHead(value === null ? 204 : status, { 'content-type': 'application/json; charset=utf-8' });
    response.end(value === null ? undefined : JSON.stringify(value));
  };
}

export function refuse(
  status: number,
  code: string,
  reason: string | null,
  message: string,
  detail: object | null = null,
): Answer {
  return json(status, { error: { code, reason, message, detail } });
}
