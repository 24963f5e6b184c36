import { keysOf } from '../agent/identity.ts';
import { connectionProblem, mayWantClientCertificate } from '../kernel/connection-problem.ts';
import { openDispatcher } from '../kernel/open-dispatcher.ts';
import { nonceReplySchema } from '../protocol/agent-api.ts';
import { RUNNER_CHECK_PREFIX, runnerCheckReplySchema } from '../protocol/runner-check.ts';
import type { Check, Finding } from './check.ts';
import type { DoctorSubject } from './doctor-subject.ts';
import { note, ok, skipped, wrong } from './findings.ts';

const ANSWER_MS = 10_000;

/** Whether the server still knows the runner, by a request that its key signs. */
export function registrationCheck(subject: DoctorSubject): Check {
  return { id: 'registration', title: 'Registration', run: (signal) => look(subject, signal) };
}

async function look(subject: DoctorSubject, signal: AbortSignal): Promise<Finding> {
  const { registration, server, stateDirectory } = subject;
  if (registration.kind === 'unreadable') return wrong(registration.why, 'Register the runner again.');
  if (registration.kind === 'closed')
    return note(
      `The credentials in ${stateDirectory} are not for this account to read.`,
      `Call the doctor as the account that the agent runs as${registration.owner === null ? '' : ` (number ${registration.owner})`}.`,
    );
  if (registration.kind === 'none' || server === null) return skipped(`No runner is registered in ${stateDirectory}.`);
  const { identity } = registration;
  const who = `Runner ${identity.name} of ${identity.server}`;
  try {
    const reply = await ask(subject, server, identity, signal);
    if (reply.status === 404) return note(`${who}: the server is too old to say whether it knows it.`, null);
    if (reply.status === 401)
      return wrong(
        `${who} is not known there any more.`,
        'Register it again: `paceline agent register --replace`, or config.sh of an installed runner.',
      );
    const parsed = runnerCheckReplySchema.safeParse(reply.body);
    if (!parsed.success)
      return note(`${who}: the server answered ${reply.status}.`, 'Look into the log of the server.');
    const { paused, live } = parsed.data;
    if (paused)
      return note(`${who} is known and paused.`, `Let it take jobs: \`paceline runners resume ${identity.name}\`.`);
    return ok(`${who} is known${live ? ', its agent is connected' : '; no agent of it is connected now'}.`);
  } catch (error) {
    const why = connectionProblem(error, mayWantClientCertificate(server, subject.network));
    return skipped(`${who}: the server did not say (${why}).`);
  }
}

/** A nonce, and the question signed. */
async function ask(
  { network }: DoctorSubject,
  server: string,
  identity: Parameters<typeof keysOf>[0],
  signal: AbortSignal,
): Promise<{ readonly status: number; readonly body: unknown }> {
  const { request } = await import('undici');
  const dispatcher = await openDispatcher(server, network, { headersTimeout: ANSWER_MS, bodyTimeout: ANSWER_MS });
  const post = async (path: string, value: unknown): Promise<{ status: number; body: unknown }> => {
    const { statusCode, body } = await request(`${server.replace(/\/+$/, '')}/v1${path}`, {
      ...{ method: 'POST', dispatcher, signal, headers: { 'content-type': 'application/json' } },
      body: JSON.stringify(value),
    });
    const text = await body.text();
    return { status: statusCode, body: text.startsWith('{') ? JSON.parse(text) : null };
  };
  try {
    const { nonce } = nonceReplySchema.parse((await post('/nonces', {})).body);
    const signature = keysOf(identity).sign(RUNNER_CHECK_PREFIX + nonce);
    return await post('/runner-checks', { runner: identity.runner, nonce, signature });
  } finally {
    await dispatcher.destroy();
  }
}
