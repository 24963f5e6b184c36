/**
 * What is said in the recorded conversation: every request of an agent, once as it should be and where it matters as it
 * should not be. Names in `{{ }}` stand for what the server said before.
 */
import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { CHAIN_START, chainHash } from '../../src/kernel/record-chain.ts';
import type { Exchange } from '../support/conversation.ts';

export type Line =
  | ({ readonly kind: 'say' } & Pick<Exchange, 'what' | 'request' | 'names'>)
  /** Somebody submits a workflow of one job. */
  | { readonly kind: 'submit'; readonly what: string };

const AT = '2026-01-01T00:00:00.000Z';
const LOG = 'first line\nsecond line\n';

export function conversationScript(publicKey: string, sealKey: string): readonly Line[] {
  const texts = [
    { kind: 'job-started', at: AT },
    { kind: 'step', at: AT, state: 'running', step: step(false) },
    { kind: 'step', at: AT, state: 'completed', step: step(true) },
    {
      ...{ kind: 'log-sealed', at: AT, step: 1, length: LOG.length, cut: null },
      hash: createHash('sha256').update(LOG).digest('hex'),
    },
    {
      ...{ kind: 'job-finished', at: AT, conclusion: 'success', reason: null, lost: null },
      ...{ outputs: { text: 'value' }, startedAt: AT, completedAt: AT },
    },
  ].map((record) => JSON.stringify(record));
  const hashes = texts.reduce<string[]>((all, text) => [...all, chainHash(all.at(-1) ?? CHAIN_START, text)], []);
  const before = (seq: number): string => hashes[seq - 2] ?? CHAIN_START;
  const sync = (what: string, from: number, last: number, change: Record<string, unknown> = {}): Line =>
    say(what, 'POST', '/v1/sessions/{{session}}/sync', {
      attempts: [
        {
          ...{ attempt: '{{attempt}}', fence: '{{fence}}', from, before: before(from) },
          ...{ records: texts.slice(from - 1, last), logs: last > 2 ? [{ step: 1, length: LOG.length }] : [] },
          ...change,
        },
      ],
    });
  const session = (what: string, attempts: readonly unknown[]): Line[] => [
    say('asks for a nonce', 'POST', '/v1/nonces', {}, { nonce: '/nonce' }, {}),
    say(
      what,
      'POST',
      '/v1/sessions',
      {
        ...{ runner: '{{runner}}', nonce: '{{nonce}}', signature: '{{sign:nonce}} '.trim(), protocol: 1 },
        ...{ version: '1.0.0', features: ['background-steps', 'exclusive', 'log-offsets', 'sealed-secrets'] },
        ...{ machineId: 'machine', bootId: 'boot', slots: 1, labels: ['self-hosted'], ephemeral: false },
        ...{ takeover: false, attempts },
      },
      { session: '/session', token: '/token', incarnation: '/incarnation' },
      {},
    ),
  ];
  const poll = (what: string, holding: readonly unknown[], names: Record<string, string> = {}): Line =>
    say(what, 'POST', '/v1/sessions/{{session}}/poll', { freeSlots: 1, takesWork: true, holding }, names);
  const held = { attempt: '{{attempt}}', fence: '{{fence}}', cancelling: false };
  return [
    say(
      'registers a runner',
      'POST',
      '/v1/runners',
      { name: 'recorded', labels: ['self-hosted'], publicKey, sealKey, ephemeral: false, replace: false },
      { runner: '/runner' },
      { authorization: 'Bearer {{registration}}' },
    ),
    ...session('opens a session', []),
    poll('asks for work while there is none', []),
    { kind: 'submit', what: 'a job is queued' },
    poll('asks again and is offered the job', [], {
      attempt: '/offers/0/attempt',
      fence: '/offers/0/fence',
      run: '/offers/0/run',
    }),
    attempt('accepts it', 'accept', { fence: '{{fence}}' }),
    attempt('accepts it again and gets the same answer', 'accept', { fence: '{{fence}}' }),
    attempt('accepts under another fence', 'accept', { fence: 1_000_000 }),
    sync('reports its start', 1, 1),
    sync('reports it again', 1, 1),
    sync('leaves a gap', 4, 4),
    sync('reports under another fence', 2, 2, { fence: 1_000_000 }),
    sync('reports a step that runs', 2, 2),
    poll('holds it, and there is nothing new', [held]),
    log('appends to its log', 0, LOG.slice(0, 11)),
    log('appends behind a gap', 20, LOG.slice(20)),
    log('appends the rest', 11, LOG.slice(11)),
    log('appends what is there already', 0, LOG),
    log('appends with a wrong checksum', LOG.length, 'more', '00000000'),
    sync('reports the end', 3, 5),
    sync('reports something after the end', 5, 5, { records: [texts[0]], from: 6, before: hashes[4] }),
    ...session('opens a session with the journal on its disk', [
      { attempt: '{{attempt}}', fence: '{{fence}}', lastSeq: 5, lastHash: hashes[4], finished: true },
      { attempt: 'unheard-of', fence: 1, lastSeq: 1, lastHash: hashes[0], finished: false },
    ]),
    { kind: 'submit', what: 'another job is queued' },
    poll('is offered it', [], { attempt: '/offers/0/attempt', fence: '/offers/0/fence', run: '/offers/0/run' }),
    attempt('declines it', 'decline', { fence: '{{fence}}', reason: 'not now', final: false }),
    say('drains', 'POST', '/v1/sessions/{{session}}/drain', {}),
    say('leaves', 'DELETE', '/v1/sessions/{{session}}', null),
    poll('asks after it has left', []),
  ];
}

function say(
  what: string,
  method: string,
  path: string,
  body: unknown,
  names: Record<string, string> = {},
  headers: Record<string, string> = { authorization: 'Bearer {{token}}' },
): Line {
  const json: Record<string, string> = body === null ? {} : { 'content-type': 'application/json' };
  return { kind: 'say', what, request: { method, path, headers: { ...headers, ...json }, body }, names };
}

function attempt(what: string, verb: string, body: unknown): Line {
  const headers = { authorization: 'Bearer {{token}}', 'x-session': '{{session}}' };
  return say(what, 'POST', `/v1/attempts/{{attempt}}/${verb}`, body, {}, headers);
}

function log(what: string, offset: number, text: string, checksum?: string): Line {
  const headers = {
    ...{ authorization: 'Bearer {{token}}', 'x-session': '{{session}}', 'x-fence': '{{fence}}' },
    'content-type': 'application/octet-stream',
    'x-crc32': checksum ?? crc32(text).toString(16).padStart(8, '0'),
  };
  const path = `/v1/attempts/{{attempt}}/logs/1?offset=${offset}`;
  return { kind: 'say', what, request: { method: 'PATCH', path, headers, body: text }, names: {} };
}

function step(done: boolean): unknown {
  return {
    ...{
      number: 1,
      id: 'main',
      name: 'Run it',
      kind: 'run',
      phase: 'main',
      background: false,
      group: null,
      targets: [],
    },
    ...{
      outcome: done ? 'success' : null,
      conclusion: done ? 'success' : null,
      reason: null,
      exitCode: done ? 0 : null,
    },
    ...{ signal: null, queuedAt: null, startedAt: AT, completedAt: done ? AT : null, outputs: {}, annotations: [] },
    summary: null,
  };
}
