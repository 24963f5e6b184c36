import type { FlowEvent, PersonRequest } from '../../flow/flow-event.ts';
import type { FlowRequest } from '../../protocol/flow-plan.ts';
import type { RunSummary } from '../../protocol/run-api.ts';
import { type OperationContext, Refusal } from '../operation.ts';
import { audit } from '../secrets/audit.ts';
import { noRun, oneSummary } from './cancel-run.ts';
import { fireHeldTimers } from './flow-timers.ts';
import { lockRun, readRun } from './run-row.ts';
import { tellRun } from './tell-run.ts';

export interface RunRequest {
  readonly run: number;
  /** Of whoever asks: a second one with the same id changes nothing. Null for one of the server's. */
  readonly requestId: string | null;
  readonly request: FlowRequest | PersonRequest;
  /** The name that `from` of a `wait-for` is compared with. */
  readonly user: string;
  /** As audited. */
  readonly actor: string;
}

/** Something that a person asks of a run that goes on. What the run refuses is a conflict, with its sentence. */
export async function askRun(context: OperationContext, asked: RunRequest): Promise<RunSummary> {
  const { run: id, request, user, actor } = asked;
  const requestId = `user ${actor} ${asked.requestId ?? context.randomId()}`;
  const run = await lockRun(context, id);
  if (run === null) throw noRun(id);
  if (run.state === 'completed') {
    if (await wasAsked(context, id, requestId)) return oneSummary(context, id);
    throw new Refusal('conflict', 'already-final', `run ${id} has ended`);
  }
  if (request.kind === 'resume') await fireHeldTimers(context, id);
  const refused = await tellRun(context, id, { kind: 'requested', id: requestId, by: { user }, request });
  if (refused !== null) throw new Refusal('conflict', null, refused);
  // What was asked before, or is so already, did nothing.
  if ((await readRun(context, id))?.version !== run.version)
    await audit(context, { actor, action: `run.${request.kind}`, target: `run ${id}`, detail: detailOf(request) });
  return oneSummary(context, id);
}

/** Data and values of instances may be anything; the audit is no place for them. */
function detailOf(request: RunRequest['request']): Readonly<Record<string, unknown>> {
  switch (request.kind) {
    case 'signal': {
      const { name, job, persistent } = request;
      return { name, job, persistent };
    }
    case 'add-instances':
      return { job: request.job, count: request.items.length };
    case 'cancel':
      return { target: request.target };
    case 'complete':
      return { job: request.job };
    case 'emit':
    case 'pause':
    case 'resume':
      return {};
  }
}

/** The answer to the first one may have been lost, and the run be over since. */
async function wasAsked({ db }: OperationContext, run: number, requestId: string): Promise<boolean> {
  const rows = await db
    .selectFrom('run_event')
    .select('body')
    .where('run_id', '=', run)
    .where('body', 'like', '%"requested"%')
    .execute();
  return rows.some(({ body }) => {
    const event = JSON.parse(body) as FlowEvent;
    return event.kind === 'requested' && event.id === requestId;
  });
}
