/**
 * What an agent and a server said to each other, kept as a file: every request as it went over HTTP, every answer, and in
 * both a name in place of each value that is another every time. Played again, the names take the values of the server
 * that answers now. So a later server is held to what agents of this release say and expect.
 */
import { createPrivateKey, type KeyObject, sign } from 'node:crypto';

export interface Exchange {
  /** For people. */
  readonly what: string;
  readonly request: {
    readonly method: string;
    readonly path: string;
    readonly headers: Readonly<Record<string, string>>;
    /** JSON, or text for log bytes; null: none. */
    readonly body: unknown;
  };
  readonly response: {
    readonly status: number;
    readonly headers: Readonly<Record<string, string>>;
    readonly body: unknown;
  };
  /** Where in the answer a name gets its value: name by JSON pointer. */
  readonly names: Readonly<Record<string, string>>;
}

export interface Conversation {
  readonly protocol: number;
  /** PKCS #8 and SPKI in base64: made for the recording, of no other use. */
  readonly keys: { readonly sign: string; readonly public: string; readonly seal: string };
  readonly exchanges: readonly Exchange[];
}

/** Headers that are part of the protocol. */
const KEPT_HEADERS = ['content-type', 'upload-offset', 'durable-offset', 'retry-after'];
/** Answers that depend on the release or are sealed: their type alone is compared. */
const FREE_KEYS = ['sealed', 'message', 'publicUrl', 'server_url'];

/** Sends requests to a server, with names in them, and learns what the names stand for from the answers. */
export class Speaker {
  readonly #url: string;
  readonly #key: KeyObject;
  readonly values = new Map<string, unknown>();

  constructor(url: string, keys: Conversation['keys']) {
    this.#url = url;
    this.#key = createPrivateKey({ key: Buffer.from(keys.sign, 'base64'), format: 'der', type: 'pkcs8' });
  }

  async say(request: Exchange['request'], names: Exchange['names']): Promise<Exchange['response']> {
    const body = this.#filled(request.body);
    const response = await fetch(`${this.#url}${String(this.#filled(request.path))}`, {
      method: request.method,
      headers: this.#filled(request.headers) as Record<string, string>,
      ...(body === null ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    const isJson = response.headers.get('content-type')?.startsWith('application/json') === true;
    const answer: unknown = text === '' ? null : isJson ? JSON.parse(text) : text;
    for (const [name, pointer] of Object.entries(names)) this.values.set(name, at(answer, pointer));
    const headers = KEPT_HEADERS.flatMap((name) => {
      const value = response.headers.get(name);
      return value === null ? [] : [[name, value] as const];
    });
    return { status: response.status, headers: Object.fromEntries(headers), body: this.#named(answer) };
  }

  /** Names replaced by what they stand for; `{{sign:NAME}}` by a signature over that value. */
  #filled(value: unknown): unknown {
    if (typeof value === 'string') {
      const whole = /^\{\{([\w-]+)\}\}$/.exec(value)?.[1];
      if (whole !== undefined) return this.#valueOf(whole);
      return value.replaceAll(/\{\{(sign:)?([\w-]+)\}\}/g, (_, signed: string | undefined, name: string) => {
        const text = String(this.#valueOf(name));
        return signed === undefined
          ? text
          : sign(null, Buffer.from(`paceline-session\n${text}`), this.#key).toString('base64');
      });
    }
    return mapped(value, (item) => this.#filled(item));
  }

  /** The other way round. */
  #named(value: unknown, key = ''): unknown {
    if (FREE_KEYS.includes(key)) return `(${typeof value})`;
    for (const [name, known] of this.values)
      if (
        value === known &&
        value !== null &&
        (typeof value === 'string' || (NUMBER_KEYS.includes(key) && name === key))
      )
        return `{{${name}}}`;
    if (typeof value === 'string' && /^\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(value)) return '(time)';
    return mapped(value, (item, inner) => this.#named(item, inner));
  }

  #valueOf(name: string): unknown {
    if (!this.values.has(name)) throw new Error(`nothing was said of '${name}' yet`);
    return this.values.get(name);
  }
}

/** Numbers that are another every time; any other number is part of the protocol. */
const NUMBER_KEYS = ['fence', 'run'];

function at(value: unknown, pointer: string): unknown {
  return pointer
    .split('/')
    .slice(1)
    .reduce<unknown>((inner, key) => (inner as Record<string, unknown> | null)?.[key], value);
}

function mapped(value: unknown, map: (item: unknown, key: string) => unknown): unknown {
  if (Array.isArray(value)) return value.map((item) => map(item, ''));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, map(item, key)]));
}
