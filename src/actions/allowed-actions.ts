import type { ActionStore } from './action-store.ts';
import type { ActionProblem } from './loaded-action.ts';

/**
 * A store that has nothing but what a pattern names; everything where there are none. Those of the workspace are part of
 * the repository that the runner works for and always may be used.
 *
 * @param patterns `OWNER/NAME`, `OWNER/NAME@REF` or `docker://IMAGE`; `*` stands for any part. Owner and name are the
 *     same in any case.
 */
export function allowingOnly(patterns: readonly string[], store: ActionStore): ActionStore {
  if (patterns.length === 0) return store;
  const matchers = patterns.map(matcherOf);
  const problem = (uses: string): ActionProblem | null =>
    uses.startsWith('.') || matchers.some((matches) => matches(uses))
      ? null
      : {
          kind: 'problem',
          reason: 'agent-refused',
          message: `This runner does not allow the action '${uses}': its agent.allowActions names ${patterns.join(', ')}.`,
        };
  return {
    load: async (uses, workspace, signal) => problem(uses) ?? store.load(uses, workspace, signal),
    repository: async (uses, signal) => problem(uses) ?? store.repository(uses, signal),
  };
}

/** A name without a path in it stands for all actions of the repository. */
function matcherOf(pattern: string): (uses: string) => boolean {
  if (pattern === '*') return () => true;
  if (pattern.startsWith('docker://')) {
    const image = wildcard(pattern, '.*', '');
    return (uses) => image.test(uses);
  }
  const [name, ref] = split(pattern);
  const ofName = wildcard(name, '[^/]*', 'i');
  const ofRef = ref === null ? null : wildcard(ref, '.*', '');
  const isWhole = name.split('/').length <= OWNER_AND_NAME;
  return (uses) => {
    const [path, usedRef] = split(uses);
    const used = isWhole ? path.split('/').slice(0, OWNER_AND_NAME).join('/') : path;
    return !uses.startsWith('docker://') && ofName.test(used) && (ofRef === null || ofRef.test(usedRef ?? ''));
  };
}

const OWNER_AND_NAME = 2;

function split(text: string): readonly [string, string | null] {
  const at = text.indexOf('@');
  return at === -1 ? [text, null] : [text.slice(0, at), text.slice(at + 1)];
}

function wildcard(pattern: string, any: string, flags: string): RegExp {
  const parts = pattern.split('*').map((part) => part.replace(/[\\^$.+?()[\]{}|/]/g, '\\$&'));
  return new RegExp(`^${parts.join(any)}$`, flags);
}
