/**
 * Which job may start now: a pure state machine. `start` and `reduce` take a state and what happened and give the next
 * state and what the host has to do. Nothing in here waits, reads a clock or keeps anything between two calls.
 *
 * An event changes what it names and puts what follows from it into the draft's tasks; they are worked off here, first
 * in, first out, until nothing is left to do.
 */
import { advanceIteration, launchInstance } from './advance-iteration.ts';
import { beginRun } from './begin-run.ts';
import { failFast } from './cancel.ts';
import { closeScope } from './close-scope.ts';
import { completeInstance, instanceStarted } from './complete-instance.ts';
import { considerJob } from './consider-job.ts';
import { FlowDraft, type FlowTask } from './flow-draft.ts';
import type { FlowCommand, FlowEvent } from './flow-event.ts';
import type { FlowInput } from './flow-input.ts';
import type { FlowState } from './flow-state.ts';
import { passGates } from './gates.ts';
import { cancelRun, groupGranted, groupRefused, groupWanted } from './group-answers.ts';
import { handleRequest } from './requests.ts';
import { releaseHeld } from './pause.ts';
import { isSpent } from './run-limits.ts';
import { stopRun } from './stop-run.ts';
import { NO_ENTRIES, Table } from './table.ts';
import { timerFired } from './timers.ts';

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
    iterations: NO_ENTRIES,
    instances: NO_ENTRIES,
    locks: NO_ENTRIES,
    races: NO_ENTRIES,
    rounds: NO_ENTRIES,
    arrivals: NO_ENTRIES,
    delivered: NO_ENTRIES,
    seen: NO_ENTRIES,
    signals: input.options.left?.signals ?? [],
    listeners: [],
    paused: null,
    group: null,
    problem: null,
    conclusion: null,
  });
  beginRun(draft);
  return work(draft);
}

/** Works one event in. An event that does not fit the state, such as one that is delivered twice, changes nothing. */
export function reduce(state: FlowState, event: FlowEvent): FlowStep {
  if (state.conclusion !== null) {
    // The request that ended it may be delivered again.
    const isNew = event.kind === 'requested' && new Table(state.seen).find(event.id) === null;
    return { state, commands: [], refused: isNew ? 'The run is over.' : null };
  }
  const draft = new FlowDraft(state);
  happen(draft, event);
  return work(draft);
}

function happen(draft: FlowDraft, event: FlowEvent): void {
  switch (event.kind) {
    case 'job-started': {
      instanceStarted(draft, event.key);
      return;
    }
    case 'job-completed': {
      completeInstance(draft, event);
      return;
    }
    case 'timer-fired': {
      timerFired(draft, event.id);
      return;
    }
    case 'requested': {
      handleRequest(draft, event);
      return;
    }
    case 'cancel': {
      cancelRun(draft, event.cause, event.force);
      return;
    }
    case 'group-granted': {
      groupGranted(draft, event);
      return;
    }
    case 'group-refused': {
      groupRefused(draft, event);
      return;
    }
    case 'group-wanted': {
      groupWanted(draft, event.key);
      return;
    }
  }
}

function work(draft: FlowDraft): FlowStep {
  for (;;) {
    // What was much, but is done, is no reason to stop.
    if ((draft.hasTask || draft.isCut) && isSpent(draft)) stopRun(draft);
    const task = draft.nextTask();
    if (task === null) break;
    perform(draft, task);
  }
  return { state: draft.finish(), commands: draft.commands, refused: draft.refused };
}

function perform(draft: FlowDraft, task: FlowTask): void {
  switch (task.kind) {
    case 'consider': {
      considerJob(draft, task.job);
      return;
    }
    case 'fail-fast': {
      failFast(draft, task.iteration);
      return;
    }
    case 'gate': {
      passGates(draft, task.iteration);
      return;
    }
    case 'advance': {
      advanceIteration(draft, task.iteration);
      return;
    }
    case 'close': {
      closeScope(draft, task.scope);
      return;
    }
    case 'launch': {
      launchInstance(draft, task.key);
      return;
    }
    case 'release': {
      releaseHeld(draft, task.key);
      return;
    }
    case 'timer': {
      timerFired(draft, task.id);
      return;
    }
  }
}
