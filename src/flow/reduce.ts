/**
 * Which job may start now: a pure state machine. `start` and `reduce` take a state and what happened and give the next
 * state and what the host has to do. Nothing in here waits, reads a clock or keeps anything between two calls.
 *
 * An event changes what it names and puts what follows from it into the draft's tasks; they are worked off here, first
 * in, first out, until nothing is left to do.
 */
import { advanceJob } from './advance-job.ts';
import { beginJob } from './begin-job.ts';
import { failFast } from './cancel.ts';
import { closeScope } from './close-scope.ts';
import { completeInstance } from './settle.ts';
import { FlowDraft, type FlowTask } from './flow-draft.ts';
import type { FlowCommand, FlowEvent } from './flow-event.ts';
import type { FlowInput } from './flow-input.ts';
import type { FlowState } from './flow-state.ts';
import { cancelRun, groupGranted, groupRefused, groupWanted } from './group-answers.ts';
import { beginRun } from './begin-run.ts';
import { NO_ENTRIES } from './table.ts';

export interface FlowStep {
  readonly state: FlowState;
  readonly commands: readonly FlowCommand[];
  /** Why what was requested was not done: a sentence; null where it was, or nothing was requested. */
  readonly refused: string | null;
}

/**
 * Begins a run. Plans come from the parser, which refuses unknown needs and cycles.
 * @throws RangeError when the options name a job that the workflow does not have.
 */
export function start(input: FlowInput): FlowStep {
  const draft = new FlowDraft({
    input,
    scopes: NO_ENTRIES,
    jobs: NO_ENTRIES,
    instances: NO_ENTRIES,
    group: null,
    problem: null,
    conclusion: null,
  });
  beginRun(draft);
  return work(draft);
}

/** Works one event in. An event that does not fit the state, such as one that is delivered twice, changes nothing. */
export function reduce(state: FlowState, event: FlowEvent): FlowStep {
  if (state.conclusion !== null) return { state, commands: [], refused: null };
  const draft = new FlowDraft(state);
  switch (event.kind) {
    case 'job-completed':
      completeInstance(draft, event);
      break;
    case 'cancel':
      cancelRun(draft, event.cause, event.force);
      break;
    case 'group-granted':
      groupGranted(draft, event);
      break;
    case 'group-refused':
      groupRefused(draft, event);
      break;
    case 'group-wanted':
      groupWanted(draft, event.key);
      break;
  }
  return work(draft);
}

function work(draft: FlowDraft): FlowStep {
  for (let task = draft.tasks.shift(); task; task = draft.tasks.shift()) perform(draft, task);
  return { state: draft.finish(), commands: draft.commands, refused: null };
}

function perform(draft: FlowDraft, task: FlowTask): void {
  switch (task.kind) {
    case 'begin':
      beginJob(draft, task.job);
      return;
    case 'fail-fast':
      failFast(draft, task.job);
      return;
    case 'advance':
      advanceJob(draft, task.job);
      return;
    case 'close':
      closeScope(draft, task.scope);
      return;
  }
}
