import type { JobWaits } from '../flow/flow-event.ts';
import { waitsText } from '../flow/waits-text.ts';
import { isForOthers } from './flow-host.ts';

/** Why a run ends although jobs wait: a sentence for each of them that says what would have helped. */
export function stuckText(waits: readonly JobWaits[], user: string): string {
  const sentences = waits.map((job) => `'${job.key}' is ${waitsText(job.for)}, and ${nobody(job, user)}.`);
  return ['The run cannot go on and is cancelled.', ...sentences].join(' ');
}

function nobody({ for: waits }: JobWaits, user: string): string {
  switch (waits.kind) {
    case 'signal': {
      if (isForOthers(waits, user)) return `only ${user} can send one to a run on this machine`;
      const name = waits.names.find((candidate) => candidate !== '*') ?? 'NAME';
      return `nobody can send one to a run on this machine; give it with --signal ${name}`;
    }
    case 'instances':
      return 'no job is left that could add some';
    case 'milestone':
    case 'lock':
    case 'time':
      return 'no job is left that could change that';
  }
}
