import type { Annotation } from '../../src/protocol/report.ts';
import { Masker } from '../../src/steps/masker.ts';
import { MatcherSet } from '../../src/steps/matcher-set.ts';
import { openStepLog, type StepLogOptions } from '../../src/steps/open-step-log.ts';
import type { CapturedCommands, StepLog, StepOutput, StepOutputOptions } from '../../src/steps/step-log.ts';

/** A step log that keeps what reaches its sink. */
export interface KeptLog {
  readonly log: StepLog;
  readonly masker: Masker;
  readonly matchers: MatcherSet;
  /** As the sink got them. */
  readonly blocks: Buffer[];
  readonly annotations: Annotation[];
  readonly text: () => string;
  readonly lines: () => string[];
  readonly open: (options?: Partial<StepOutputOptions>) => StepOutput;
  /** Writes it as the output of one process, from its start to its end. */
  readonly run: (output: string | Buffer, options?: Partial<StepOutputOptions>) => CapturedCommands;
}

export function keepLog(options: Partial<StepLogOptions> = {}): KeptLog {
  const blocks: Buffer[] = [];
  const annotations: Annotation[] = [];
  const masker = options.masker ?? new Masker();
  const matchers = options.matchers ?? new MatcherSet();
  const log = openStepLog({
    workspace: '/workspace',
    debug: false,
    sink: (lines) => void blocks.push(Buffer.from(lines)),
    onAnnotation: (annotation) => void annotations.push(annotation),
    ...options,
    masker,
    matchers,
  });
  const open = (output: Partial<StepOutputOptions> = {}): StepOutput =>
    log.openOutput({ allowUnsecureCommands: false, allowUnsecureStopTokens: false, ...output });
  const text = (): string => Buffer.concat(blocks).toString();
  return {
    log,
    masker,
    matchers,
    blocks,
    annotations,
    text,
    lines: () => text().split('\n').slice(0, -1),
    open,
    run: (bytes, output) => {
      const opened = open(output);
      opened.write(Buffer.from(bytes));
      return opened.end();
    },
  };
}

/** Copies of the bytes in blocks that end at the given places, in any order and beyond the end. */
export function splitAt(bytes: Buffer, places: readonly number[]): Buffer[] {
  const cuts = [0, ...places.map((place) => place % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
  return cuts.slice(1).map((end, n) => Buffer.from(bytes.subarray(cuts[n], end)));
}
