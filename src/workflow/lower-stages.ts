import type { StagePlan } from '../protocol/flow-plan.ts';
import { durationOf } from './lower-flow.ts';
import { readStages } from './read-stages.ts';
import { stageWaits } from './stage-waits.ts';
import { child, stringOf, type YamlNode } from './yaml-node.ts';

/** The stages of a checked workflow by the ids of its jobs. */
export function lowerStages(root: YamlNode): ReadonlyMap<string, StagePlan> {
  const jobs = readStages(root) ?? [];
  const waits = stageWaits(jobs);
  const tolerant = stringOf(child(root, 'stage-failure')) === 'continue';
  const plans = new Map<string, StagePlan>();
  for (const { id, stage, entry } of jobs) {
    const { waitsFor, startsAfter } = waits.get(id) ?? { waitsFor: [], startsAfter: [] };
    plans.set(id, {
      number: stage,
      waitsFor,
      startsAfter,
      tolerant,
      delayBeforeMs: durationOf(child(entry.value, 'delay-before')) ?? 0,
      delayAfterMs: durationOf(child(entry.value, 'delay-after')) ?? 0,
    });
  }
  return plans;
}
