import { quote } from '../expressions/quote.ts';
import { list } from './grammar.ts';
import { placedTexts } from './list-steps.ts';
import type { ProblemList } from './problem-list.ts';
import { child, entriesOf, entryOf, itemsOf, oneOrMany, stringOf, type MapEntry, type YamlNode } from './yaml-node.ts';

const EXCLUSIVE = ['branches', 'tags', 'paths'] as const;

/** What the grammar cannot say about `on`: filters and inputs whose parts have to fit together. */
export function checkTriggers(on: YamlNode | null, problems: ProblemList): void {
  for (const node of oneOrMany(on)) if (stringOf(node) === 'schedule') warnOfNoSchedule(node.span, problems);
  for (const event of entriesOf(on)) {
    checkFilters(event, problems);
    if (event.key === 'workflow_call' || event.key === 'workflow_dispatch') {
      for (const input of entriesOf(child(event.value, 'inputs'))) checkInput(input, event.key, problems);
    }
  }
}

function warnOfNoSchedule(span: MapEntry['keySpan'], problems: ProblemList): void {
  problems.warning('schedule', span, '`schedule` never fires without a list of `cron` entries');
}

function checkFilters({ value }: MapEntry, problems: ProblemList): void {
  for (const filter of EXCLUSIVE) {
    const ignore = entryOf(value, `${filter}-ignore`);
    const plain = entryOf(value, filter);
    if (plain && ignore) {
      const message = `\`${ignore.key}\` cannot stand beside \`${filter}\`; use \`${filter}\` with patterns that start with \`!\``;
      problems.error('filter', ignore.keySpan, message);
    }
    const patterns = plain ? placedTexts(plain.value) : [];
    if (plain && patterns.length > 0 && patterns.every((pattern) => pattern.value.startsWith('!'))) {
      const message = `\`${filter}\` with nothing but exclusions never matches; add a pattern such as \`**\` before them`;
      problems.warning('filter', plain.keySpan, message);
    }
  }
}

/** Defaults of the right type; options where there is a choice, and nowhere else (GitHub docs, `on.workflow_dispatch`). */
function checkInput(
  { key, keySpan, value: input }: MapEntry,
  event: 'workflow_call' | 'workflow_dispatch',
  problems: ProblemList,
): void {
  const type = stringOf(child(input, 'type')) ?? 'string';
  const options = entryOf(input, 'options');
  const fallback = entryOf(input, 'default');
  if (event === 'workflow_dispatch') {
    if (type === 'choice' && itemsOf(options?.value ?? null).length === 0)
      problems.error('input', keySpan, `the input ${quote(key)} is a \`choice\` and needs \`options\``);
    if (type !== 'choice' && options)
      problems.error(
        'input',
        options.keySpan,
        `\`options\` belong to inputs of type \`choice\`, but ${quote(key)} is a \`${type}\``,
      );
  }
  if (fallback?.value.kind !== 'scalar') return;
  const { value, span, source } = fallback.value;
  if (value === null || (typeof value === 'string' && value.includes('${{'))) return;
  if (!fits(value, type, event)) {
    const wayOut = typeof value === 'string' ? '; remove the quotes' : '';
    const message = `the default of ${quote(key)} is ${quote(source)}, but the input is a \`${type}\`${typeOf(String(value)) === type ? wayOut : ''}`;
    problems.error('input', span, message);
  }
  const offered = itemsOf(options?.value ?? null).flatMap((option) =>
    option.kind === 'scalar' ? [option.source] : [],
  );
  if (type === 'choice' && offered.length > 0 && !offered.includes(source))
    problems.warning('input', span, `the default of ${quote(key)} is none of its options ${list(offered)}`);
}

/** A called workflow is as strict as GitHub; a form that a person fills in sends text, so there text will do. */
function fits(value: string | number | boolean, type: string, event: string): boolean {
  if (type !== 'boolean' && type !== 'number') return true;
  return typeof value === type || (event === 'workflow_dispatch' && typeOf(String(value)) === type);
}

function typeOf(text: string): 'boolean' | 'number' | 'string' {
  if (text === 'true' || text === 'false') return 'boolean';
  return text.trim() !== '' && Number.isFinite(Number(text)) ? 'number' : 'string';
}
