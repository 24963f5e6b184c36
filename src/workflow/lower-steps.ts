import type { Position } from '../protocol/diagnostic.ts';
import type { ActionStepPlan, ControlStepPlan, StepPlan, StopGrace, Template, WaitStepPlan } from '../protocol/plan.ts';
import { listSteps, placedTexts, type ListedStep } from './list-steps.ts';
import { conditionText, optionalText, templateOf, textMap, textTemplate } from './lower-template.ts';
import type { ProblemList } from './problem-list.ts';
import { integerOf } from './read-stages.ts';
import { nameOfAction, StepIds } from './step-ids.ts';
import { child, spotOf, type YamlNode } from './yaml-node.ts';

/** What the language service of GitHub calls a group (background-steps A11). */
const GROUP_NAME = 'Parallel group';

/** The steps of a list that was checked; groups become background steps and a wait for them. */
export function lowerSteps(steps: YamlNode | null, problems: ProblemList): readonly StepPlan[] {
  const listed = listSteps(steps);
  const ids = new StepIds(listed.flatMap(({ id }) => (id ? [id.value] : [])));
  const plans: StepPlan[] = [];
  let group: string[] = [];
  for (const step of listed) {
    const position = problems.position(spotOf(step.node).start);
    if (step.kind === 'run' || step.kind === 'uses') {
      const plan = lowerAction(step, step.kind, position, ids);
      if (step.group !== null) group.push(plan.id);
      plans.push(plan);
    } else if (step.kind === 'parallel') {
      plans.push(groupEnd(step, group, position, ids));
      group = [];
    } else if (step.kind !== null) {
      plans.push(lowerControl(step, step.kind, position, ids));
    }
  }
  return plans;
}

/** As {@link lowerSteps}, for a composite action, which has no other kinds. */
export function lowerCompositeSteps(steps: YamlNode | null, problems: ProblemList): readonly ActionStepPlan[] {
  return lowerSteps(steps, problems).filter((step) => step.kind === 'run' || step.kind === 'uses');
}

function lowerAction(
  { node, id, background, group }: ListedStep,
  kind: 'run' | 'uses',
  position: Position,
  ids: StepIds,
): ActionStepPlan {
  const get = (key: string): YamlNode | null => child(node, key);
  const uses = optionalText(get('uses')) ?? '';
  const stage = integerOf(get('stage'));
  const base = {
    id: id?.value ?? ids.next(kind === 'run' ? 'run' : nameOfAction(uses)),
    position,
    name: optionalText(get('name')),
    continueOnError: continueOnError(get('continue-on-error')),
    group: group === null ? null : groupName(group),
    if: conditionText(get('if')),
    env: textMap(get('env')),
    timeoutMinutes: templateOf(get('timeout-minutes')),
    background,
    ...(stage === null ? {} : { stage }),
    stopGrace: lowerStopGrace(get('stop-grace')),
  };
  if (kind === 'uses') return { ...base, kind, uses, with: textMap(get('with')) };
  return {
    ...base,
    kind,
    run: optionalText(get('run')) ?? '',
    shell: textTemplate(get('shell')),
    workingDirectory: textTemplate(get('working-directory')),
  };
}

function lowerControl(
  { node, id }: ListedStep,
  kind: ControlStepPlan['kind'],
  position: Position,
  ids: StepIds,
): ControlStepPlan {
  const base = {
    id: id?.value ?? ids.next(kind),
    position,
    name: optionalText(child(node, 'name')),
    continueOnError: continueOnError(child(node, 'continue-on-error')),
    group: null,
  };
  const targets = placedTexts(child(node, kind));
  switch (kind) {
    case 'wait':
      return { ...base, kind, targets: [...new Set(targets.map(({ value }) => value))] };
    case 'wait-all':
      return { ...base, kind, implicit: false };
    case 'cancel':
      return { ...base, kind, target: targets[0]?.value ?? '' };
  }
}

function groupEnd({ group }: ListedStep, targets: readonly string[], position: Position, ids: StepIds): WaitStepPlan {
  return {
    kind: 'wait',
    id: ids.next('parallel'),
    position,
    name: GROUP_NAME,
    continueOnError: false,
    group: groupName(group ?? 0),
    targets,
  };
}

function groupName(group: number): string {
  return `parallel-${group}`;
}

function continueOnError(node: YamlNode | null): Template {
  return templateOf(node) ?? false;
}

function lowerStopGrace(node: YamlNode | null): StopGrace | null {
  if (node === null) return null;
  const seconds = (key: string): number | null => {
    const value = templateOf(child(node, key));
    return typeof value === 'number' ? value : null;
  };
  return { interruptSeconds: seconds('interrupt-seconds'), terminateSeconds: seconds('terminate-seconds') };
}
