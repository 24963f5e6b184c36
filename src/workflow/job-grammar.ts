import { checkIdentifier } from './check-identifier.ts';
import { concurrencyGrammar } from './concurrency-grammar.ts';
import { AROUND_KEYS, flowKeys, loopGrammar, STAGE_KEYS } from './flow-grammar.ts';
import {
  condition,
  IGNORED,
  mapOf,
  nonEmptyText,
  oneOrMore,
  text,
  type Grammar,
  type MapRule,
  type Refusal,
} from './grammar.ts';
import { callJobKeys, STEPS_JOB_NEEDS, stepsJobKeys } from './job-keys.ts';
import { kindOfJob, type JobKind } from './job-kind.ts';
import { PERMISSIONS } from './permissions-grammar.ts';
import { strategyGrammar } from './strategy-grammar.ts';
import type { MapNode } from './yaml-node.ts';

/** Job mappings inside of each other, as loops in loops are; that of the workflow is the first. */
export const MAX_JOB_LEVELS = 8;

/** `jobs` of a workflow. */
export function jobsGrammar(): Grammar {
  const around = AROUND_KEYS.map((key) => [key, nestedJobsGrammar(2)] as const);
  const job = jobGrammar({ ...STAGE_KEYS, ...Object.fromEntries(around) }, nestedJobsGrammar(2), 'workflow');
  return { takes: 'jobs by id', map: byId({ ...job, named: 'job' }, 'a workflow has at least one job') };
}

/**
 * Jobs inside of a job, or a workflow's `finally`.
 * @param level Of the mapping; that of the workflow is 1.
 */
export function nestedJobsGrammar(level: number): Grammar {
  const named = { takes: 'jobs by id', named: 'jobs' };
  if (level > MAX_JOB_LEVELS) {
    const message = `jobs are nested too deeply: the limit is ${MAX_JOB_LEVELS} levels; move some into a workflow of their own and call it with \`uses\``;
    return {
      ...named,
      map: { what: '`jobs`', keys: {}, others: { value: IGNORED }, problem: { rule: 'nesting', message } },
    };
  }
  // Made when it is needed: most jobs have none inside of them, and the JSON Schema names it once.
  return {
    ...named,
    get map() {
      const inner = nestedJobsGrammar(level + 1);
      const around = Object.fromEntries(AROUND_KEYS.map((key) => [key, inner]));
      return byId({ ...jobGrammar(around, inner, 'job'), named: 'nestedJob' }, 'name at least one job');
    },
  };
}

function byId(job: Grammar, empty: string): MapRule {
  return { what: '`jobs`', keys: {}, others: { value: job, check: checkIdentifier }, empty };
}

function jobGrammar(more: Readonly<Record<string, Grammar>>, inner: Grammar, within: 'workflow' | 'job'): Grammar {
  const shared: Readonly<Record<string, Grammar>> = {
    name: text('text', 'job.name'),
    needs: oneOrMore(nonEmptyText('the id of a job'), 'the id of a job, or a list of ids'),
    if: condition('job.if'),
    concurrency: concurrencyGrammar('job.concurrency'),
    ...flowKeys(),
    ...more,
  };
  const withBody = { ...shared, permissions: PERMISSIONS };
  const rules: Readonly<Record<JobKind, MapRule>> = {
    steps: {
      what: 'a job',
      keys: { ...withBody, strategy: strategyGrammar(), ...stepsJobKeys() },
      required: STEPS_JOB_NEEDS,
    },
    call: {
      what: 'a job that calls a workflow',
      keys: { ...withBody, strategy: strategyGrammar(), ...callJobKeys() },
      required: { uses: 'name the workflow that it calls' },
    },
    loop: {
      what: 'a job with a `loop`',
      keys: {
        ...withBody,
        loop: loopGrammar(inner),
        outputs: { ...mapOf(text('text', 'job.loop.outputs'), 'outputs by name'), adds: ['loop'] },
      },
      required: { loop: 'say what it does in each round' },
    },
    gate: {
      what: 'a job without steps',
      keys: { ...shared, outputs: mapOf(text('text', 'job.gate.outputs'), 'outputs by name') },
    },
  };
  return {
    takes: 'a job',
    map: { choose: (node) => chooseJob(node, rules, within), among: Object.values(rules) },
  };
}

function chooseJob(node: MapNode, rules: Readonly<Record<JobKind, MapRule>>, within: 'workflow' | 'job'): MapRule {
  const has = (key: string): boolean => node.entries.some((entry) => entry.key === key);
  const kind = kindOfJob(node);
  const rule = rules[kind];
  const refused: Record<string, Refusal> = {};
  for (const { key } of node.entries) {
    if (key in rule.keys) continue;
    if (within === 'job' && key in STAGE_KEYS)
      refused[key] = {
        rule: 'stage',
        message: `\`${key}\` belongs to the jobs of the workflow itself; use \`needs\` here`,
      };
    else if (Object.values(rules).some(({ keys }) => key in keys))
      refused[key] = { rule: 'unknown-key', message: `\`${key}\` is not allowed ${REFUSED_IN[kind]}` };
  }
  // `with` or `secrets` alone: the `uses` is what is missing.
  const lost = kind === 'steps' && !has('steps') && (has('with') || has('secrets'));
  if (lost) return rules.call;
  return kind === 'steps' ? { ...rule, refused } : { ...rule, required: {}, refused };
}

const REFUSED_IN: Readonly<Record<JobKind, string>> = {
  call: 'in a job that calls a workflow with `uses`; it belongs into the called workflow',
  steps: 'in a job with steps; it belongs to a job that calls a workflow with `uses`, or to a step',
  loop: 'in a job with a `loop`; it belongs to the jobs of the loop',
  gate: 'in a job without steps, which needs no runner; it belongs to a job with `steps`',
};
