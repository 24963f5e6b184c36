import type { Finding } from './check.ts';

export function ok(found: string): Finding {
  return { verdict: 'ok', found, remedy: null };
}

export function note(found: string, remedy: string | null): Finding {
  return { verdict: 'note', found, remedy };
}

export function wrong(found: string, remedy: string): Finding {
  return { verdict: 'wrong', found, remedy };
}

export function skipped(found: string): Finding {
  return { verdict: 'skipped', found, remedy: null };
}
