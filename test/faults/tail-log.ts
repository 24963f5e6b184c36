import type { ControlPlane } from '../support/control-plane.ts';

export interface Tail {
  /** All of it, when it can grow no more. */
  readonly ended: Promise<string>;
  /** Resolves when the condition holds for what has come; rejects when the log is over and it does not. */
  until(condition: (text: string) => boolean): Promise<void>;
}

/** Follows a log while it grows. */
export function tailLog(plane: ControlPlane, run: number, job: string, step: number): Tail {
  let text = '';
  let over = false;
  let changed: () => void = () => undefined;
  const read = async (): Promise<string> => {
    const response = await plane.fetch(`/v1/runs/${run}/jobs/${encodeURIComponent(job)}/steps/${step}/log?follow=true`);
    if (!response.ok || response.body === null) throw new Error(`log of ${run}/${job}/${step}: ${response.status}`);
    for await (const part of response.body.pipeThrough(new TextDecoderStream())) {
      text += part;
      changed();
    }
    return text;
  };
  const ended = read().finally(() => {
    over = true;
    changed();
  });
  // Whoever waits for it hears of it.
  ended.catch(() => undefined);
  return {
    ended,
    until: async (condition) => {
      while (!condition(text)) {
        if (over) throw new Error(`the log is over: ${text.slice(-1_000)}`);
        await new Promise<void>((resolve) => (changed = resolve));
      }
    },
  };
}
