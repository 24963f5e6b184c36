import { measureLevels } from './measure-levels.ts';
import { takeSpans } from './take-spans.ts';

export const observeOperations = { 'measure-levels': measureLevels, 'take-spans': takeSpans };
export const OBSERVE_READS = ['measure-levels'] as const satisfies readonly (keyof typeof observeOperations)[];
