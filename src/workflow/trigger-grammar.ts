import { checkFilterPattern, checkPathPattern } from './check-filter-pattern.ts';
import { checkCron, checkTimezone } from './check-schedule.ts';
import { closeNames } from './close-name.ts';
import { EVENT_NAMES, EVENTS, type EventFilter, type EventRule } from './events.ts';
import {
  boolean,
  choice,
  IGNORED,
  list,
  listOf,
  mapWith,
  nonEmptyText,
  oneOrMore,
  text,
  type Grammar,
  type TextProblem,
} from './grammar.ts';

/** Names offered for an unknown event. */
const MAX_SUGGESTIONS = 3;
const NO_EVENT = 'name at least one event, such as `push`';

/** `on` of a workflow. */
export function onGrammar(): Grammar {
  const event = nonEmptyText('the name of an event', undefined, checkEvent);
  return {
    ...oneOrMore(event, 'an event, a list of events, or a mapping of events to their filters', NO_EVENT),
    map: {
      what: '`on`',
      keys: {
        ...Object.fromEntries(Object.entries(EVENTS).map(([name, rule]) => [name, eventGrammar(name, rule)])),
        schedule: scheduleGrammar(),
        workflow_call: workflowCallGrammar(),
        workflow_dispatch: workflowDispatchGrammar(),
      },
      // What stands under an unknown event says nothing more.
      others: { value: IGNORED, check: checkEvent },
      empty: NO_EVENT,
    },
  };
}

function checkEvent(name: string): TextProblem | null {
  if (EVENT_NAMES.includes(name)) return null;
  const close = closeNames(name, EVENT_NAMES, MAX_SUGGESTIONS);
  const guess = close.length > 0 ? `did you mean ${list(close)}?` : `events are ${EVENT_NAMES.join(', ')}`;
  return { rule: 'event', message: `there is no event \`${name}\`; ${guess}` };
}

function eventGrammar(name: string, { types, filters = [] }: EventRule): Grammar {
  const keys: Record<string, Grammar> = {};
  if (types === 'any') keys.types = oneOrMore(nonEmptyText('an activity type'), 'a list of activity types');
  else if (types)
    keys.types = oneOrMore(choice(types, `an activity type of \`${name}\``), `activity types of \`${name}\``);
  for (const filter of filters) Object.assign(keys, FILTERS[filter]);
  if (Object.keys(keys).length === 0) return { takes: 'no filters', nothing: true };
  return { ...mapWith({ what: `\`${name}\``, keys }), takes: 'a mapping of filters', nothing: true };
}

const branch = patterns('a pattern for branches', checkFilterPattern);
const tag = patterns('a pattern for tags', checkFilterPattern);
const path = patterns('a pattern for paths', checkPathPattern);
const texts = oneOrMore(nonEmptyText('text'), 'text or a list of texts');

const FILTERS: Readonly<Record<EventFilter, Readonly<Record<string, Grammar>>>> = {
  branches: { branches: branch, 'branches-ignore': branch },
  tags: { tags: tag, 'tags-ignore': tag },
  paths: { paths: path, 'paths-ignore': path },
  workflows: { workflows: oneOrMore(nonEmptyText('the name of a workflow'), 'names of workflows') },
  names: { names: texts },
  versions: { versions: texts },
};

function patterns(takes: string, check: (pattern: string) => TextProblem | null): Grammar {
  return oneOrMore(nonEmptyText(takes, undefined, check), `${takes}, or a list of them`);
}

function scheduleGrammar(): Grammar {
  const entry = mapWith({
    what: 'an entry of `schedule`',
    keys: {
      cron: nonEmptyText('a cron expression, such as `30 5 * * 1-5`', undefined, checkCron),
      timezone: nonEmptyText('a time zone, such as `Europe/Berlin`', undefined, checkTimezone),
    },
    required: { cron: 'say when, such as `cron: 30 5 * * 1-5`' },
  });
  return listOf(entry, 'a list of entries with `cron`', 'add an entry with `cron`');
}

function workflowCallGrammar(): Grammar {
  const scalar = { takes: 'text, a number or true or false', scalar: { kind: 'anything' }, nothing: true } as const;
  const input = mapWith({
    what: 'an input',
    keys: {
      description: text('text'),
      type: choice(['boolean', 'number', 'string']),
      required: boolean(),
      default: { ...scalar, expressions: 'workflow_call.input.default' },
    },
    required: { type: 'say whether it is a `boolean`, a `number` or a `string`' },
  });
  const secret: Grammar = {
    ...mapWith({ what: 'a secret', keys: { description: text('text'), required: boolean() } }),
    takes: 'a mapping with `description` and `required`',
    nothing: true,
  };
  const output = mapWith({
    what: 'an output',
    keys: { description: text('text'), value: text('text', 'workflow_call.output') },
    required: { value: 'say what it is, such as `${{ jobs.build.outputs.name }}`' },
  });
  const keys = {
    inputs: byName(input, 'inputs'),
    secrets: byName(secret, 'secrets'),
    outputs: byName(output, 'outputs'),
  };
  return {
    ...mapWith({ what: '`workflow_call`', keys }),
    takes: 'a mapping with `inputs`, `secrets` and `outputs`',
    nothing: true,
  };
}

function workflowDispatchGrammar(): Grammar {
  const input = mapWith({
    what: 'an input',
    keys: {
      description: text('text'),
      type: choice(['boolean', 'choice', 'environment', 'number', 'string']),
      required: boolean(),
      default: { takes: 'text, a number or true or false', scalar: { kind: 'text' }, nothing: true },
      options: listOf(text('text'), 'a list of texts'),
    },
  });
  const inputs = byName({ ...input, nothing: true, takes: 'a mapping' }, 'inputs');
  return {
    ...mapWith({ what: '`workflow_dispatch`', keys: { inputs } }),
    takes: 'a mapping with `inputs`',
    nothing: true,
  };
}

function byName(value: Grammar, what: string): Grammar {
  return { takes: `${what} by name`, nothing: true, map: { what: `\`${what}\``, keys: {}, others: { value } } };
}
