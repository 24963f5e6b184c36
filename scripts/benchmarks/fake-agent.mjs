// An agent of which only the conversation is real: sessions, polls, records and logs as the protocol has them, and no
// process behind. Written apart from the agent, so that a mistake of the agent is not repeated here.
import { createHash, generateKeyPairSync, sign } from 'node:crypto';
import { crc32 } from 'node:zlib';

const CHAIN_START = '0'.repeat(32);

/** `pool`: an undici Pool of the server. */
export class FakeAgent {
  #pool;
  #keys = generateKeyPairSync('ed25519');
  #seal = generateKeyPairSync('x25519');
  #runner = null;
  session = null;
  token = null;

  constructor(pool) {
    this.#pool = pool;
  }

  async register(registrationToken, name, labels = []) {
    const { runner } = await this.request('POST', '/v1/runners', registrationToken, {
      name,
      labels,
      publicKey: spki(this.#keys.publicKey),
      sealKey: spki(this.#seal.publicKey),
      ephemeral: false,
      replace: false,
    });
    this.#runner = runner;
    this.name = name;
    this.labels = labels;
  }

  /** As agents do: a nonce that has run out on its way through a busy server is followed by another. */
  async open(slots = 1, attempts = []) {
    for (;;)
      try {
        return await this.#open(slots, attempts);
      } catch (error) {
        if (error.reason !== 'token-expired') throw error;
      }
  }

  /** The answer, or null when nothing came up. */
  poll(freeSlots = 1, holding = []) {
    return this.request('POST', `/v1/sessions/${this.session}/poll`, this.token, {
      freeSlots,
      takesWork: true,
      holding,
    });
  }

  accept({ attempt, fence }) {
    return this.request('POST', `/v1/attempts/${attempt}/accept`, this.token, { fence });
  }

  sync(attempts) {
    return this.request('POST', `/v1/sessions/${this.session}/sync`, this.token, { attempts });
  }

  async log({ attempt, fence }, step, offset, bytes) {
    const { statusCode, body, headers } = await this.#pool.request({
      method: 'PATCH',
      path: `/v1/attempts/${attempt}/logs/${step}?offset=${offset}`,
      headers: {
        authorization: `Bearer ${this.token}`,
        'x-session': this.session,
        'content-type': 'application/octet-stream',
        'x-fence': String(fence),
        'x-crc32': crc32(bytes).toString(16).padStart(8, '0'),
      },
      body: bytes,
    });
    const text = await body.text();
    if (statusCode !== 204) throw new Error(`log: ${statusCode} ${text}`);
    return Number(headers['durable-offset']);
  }

  /** Several at once: `[step, offset, bytes]` each. */
  async logs({ attempt, fence }, chunks) {
    const places = chunks.map(([step, offset, bytes]) => {
      const crc = crc32(bytes).toString(16).padStart(8, '0');
      return { attempt, step, fence, offset, crc32: crc, length: bytes.length };
    });
    const heading = Buffer.from(JSON.stringify(places));
    const length = Buffer.alloc(4);
    length.writeUInt32BE(heading.length);
    const { statusCode, body } = await this.#pool.request({
      method: 'POST',
      path: `/v1/sessions/${this.session}/logs`,
      headers: { authorization: `Bearer ${this.token}`, 'content-type': 'application/octet-stream' },
      body: Buffer.concat([length, heading, ...chunks.map(([, , bytes]) => bytes)]),
    });
    const text = await body.text();
    if (statusCode !== 200 || text.includes('"error"')) throw new Error(`logs: ${statusCode} ${text}`);
  }

  /** Claims nothing: plays an offered job from its acceptance to its end. */
  async play(offer, { steps, logBytes, syncs }) {
    await this.accept(offer);
    const journal = new Journal(offer);
    journal.add({ kind: 'job-started', at: now() });
    await this.#send(journal);
    const { chunk, hash } = logOfStep(Math.floor(logBytes / steps));
    const perSync = Math.ceil(steps / syncs);
    let chunks = [];
    for (let number = 1; number <= steps; number++) {
      const startedAt = now();
      journal.add({ kind: 'step', at: startedAt, state: 'running', step: stepReport(number, startedAt, null) });
      if (chunk.length > 0) chunks.push([number, 0, chunk]);
      journal.add({
        kind: 'log-sealed',
        at: now(),
        step: number,
        length: chunk.length,
        hash,
        cut: null,
      });
      journal.add({ kind: 'step', at: now(), state: 'completed', step: stepReport(number, startedAt, now()) });
      if (number % perSync !== 0) continue;
      // Beside each other, as agents do: what has come up of all logs in one request, of all journals in the other.
      await Promise.all([this.#send(journal), chunks.length > 0 ? this.logs(offer, chunks) : null]);
      chunks = [];
    }
    journal.add({
      kind: 'job-finished',
      at: now(),
      conclusion: 'success',
      reason: null,
      lost: null,
      outputs: {},
      startedAt: now(),
      completedAt: now(),
    });
    await this.#send(journal);
  }

  async #open(slots, attempts) {
    const { nonce } = await this.request('POST', '/v1/nonces', null, {});
    const reply = await this.request('POST', '/v1/sessions', null, {
      runner: this.#runner,
      nonce,
      signature: sign(null, Buffer.from(`paceline-session\n${nonce}`), this.#keys.privateKey).toString('base64'),
      protocol: 1,
      version: 'bench',
      features: ['background-steps', 'exclusive', 'log-batches', 'log-offsets', 'sealed-secrets'],
      machineId: this.name,
      bootId: 'boot',
      slots,
      labels: this.labels,
      ephemeral: false,
      takeover: false,
      attempts,
    });
    this.session = reply.session;
    this.token = reply.token;
    return reply;
  }

  async #send(journal) {
    const reply = await this.sync([journal.take()]);
    const [{ result }] = reply.attempts;
    if (result !== 'ok') throw new Error(`sync: ${result}`);
  }

  async request(method, path, token, json) {
    const { statusCode, body } = await this.#pool.request({
      method,
      path,
      headers: {
        'content-type': 'application/json',
        ...(token === null ? {} : { authorization: `Bearer ${token}` }),
        // Calls of an attempt name their session beside their path.
        ...(token !== null && token === this.token ? { 'x-session': this.session } : {}),
      },
      body: JSON.stringify(json),
      headersTimeout: 120_000,
    });
    const text = await body.text();
    if (statusCode === 429 || statusCode === 503) {
      // As agents do: it comes again when it is told to, each at a moment of its own.
      const { retryAfterMs = 1_000 } = JSON.parse(text).error.detail ?? {};
      await new Promise((resolve) => setTimeout(resolve, retryAfterMs * (1 + Math.random())));
      return this.request(method, path, token, json);
    }
    if (statusCode >= 300) {
      const { reason } = JSON.parse(text).error;
      throw Object.assign(new Error(`${method} ${path}: ${statusCode} ${text}`), { reason });
    }
    return text === '' ? null : JSON.parse(text);
  }
}

class Journal {
  #offer;
  #hash = CHAIN_START;
  #next = 1;
  #records = [];
  #from = 1;
  #before = CHAIN_START;

  constructor(offer) {
    this.#offer = offer;
  }

  add(record) {
    const text = JSON.stringify(record);
    this.#records.push(text);
    this.#hash = createHash('sha256').update(this.#hash).update('\n').update(text).digest('hex').slice(0, 32);
    this.#next++;
  }

  take() {
    const { attempt, fence } = this.#offer;
    const entry = { attempt, fence, from: this.#from, before: this.#before, records: this.#records, logs: [] };
    this.#records = [];
    this.#from = this.#next;
    this.#before = this.#hash;
    return entry;
  }
}

function stepReport(number, startedAt, completedAt) {
  const result = completedAt === null ? null : 'success';
  return {
    ...{ number, id: null, name: `Step ${number}`, kind: 'run', phase: 'main', background: false, group: null },
    ...{ targets: [], outcome: result, conclusion: result, reason: null, exitCode: result && 0, signal: null },
    ...{ queuedAt: null, startedAt, completedAt, outputs: {}, annotations: [], summary: null },
  };
}

const logs = new Map();

/** The same for all: what is measured is the server. */
function logOfStep(length) {
  if (!logs.has(length)) {
    const chunk = Buffer.alloc(length, 'a line of a log that is long enough to look like one\n');
    logs.set(length, { chunk, hash: createHash('sha256').update(chunk).digest('hex') });
  }
  return logs.get(length);
}

function now() {
  return new Date().toISOString();
}

function spki(key) {
  return key.export({ type: 'spki', format: 'der' }).toString('base64');
}
