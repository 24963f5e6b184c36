import type { WaitsFor } from './flow-event.ts';

/** What a job waits for, for people. */
export function waitsText(waits: WaitsFor): string {
  return `waiting for ${whatFor(waits)}`;
}

function whatFor(waits: WaitsFor): string {
  switch (waits.kind) {
    case 'signal': {
      const who = waits.from.length === 0 ? '' : ` from ${listed(waits.from, 'or')}`;
      return waits.names.includes('*')
        ? `any signal${who}`
        : `the signal ${listed(waits.names.map(quoted), 'or')}${who}`;
    }
    case 'milestone':
      return `job '${waits.job}' to be in the state ${waits.state}`;
    case 'lock':
      return `the lock '${waits.lock}', which '${waits.holder}' has`;
    case 'time':
      return TIMES[waits.why];
    case 'instances':
      return 'instances, which are still to be added';
  }
}

const TIMES = {
  'start-at': 'the time it is to start at',
  retry: 'its next attempt',
  delay: 'its delay',
} as const;

function quoted(text: string): string {
  return `'${text}'`;
}

function listed(texts: readonly string[], word: string): string {
  const [last = '', ...before] = [...texts].reverse();
  return before.length === 0 ? last : `${before.reverse().join(', ')} ${word} ${last}`;
}
