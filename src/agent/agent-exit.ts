/**
 * Why an agent ended.
 *
 * - `drained`: asked to end; all jobs had ended by themselves. `cancelled`: some were cancelled for it. `killed`: some
 *   were killed for it.
 * - `consumed`: ephemeral, its job is done. `idle`: had no job for the time that is configured. `left`: the server said so.
 * - `superseded`: a newer agent of the same runner took over. `other-machine`: the runner is live on another machine.
 * - `refused`: the server does not know the runner or its version.
 */
export type AgentExitKind =
  'drained' | 'cancelled' | 'killed' | 'consumed' | 'idle' | 'left' | 'superseded' | 'other-machine' | 'refused';

export interface AgentExit {
  readonly kind: AgentExitKind;
  /** One sentence for people. */
  readonly message: string;
  readonly exitCode: number;
  /** Results or logs did not all reach the server: they are on the disk, for the next start. */
  readonly unsent: boolean;
}

/** What scripts and service managers see; 3 and 4 mean the same for every command of Paceline. */
const EXIT_CODES: Readonly<Record<AgentExitKind, number>> = {
  drained: 0,
  consumed: 0,
  idle: 0,
  left: 0,
  cancelled: 3,
  killed: 3,
  superseded: 4,
  'other-machine': 4,
  refused: 4,
};

export function agentExit(kind: AgentExitKind, message: string, unsent: boolean): AgentExit {
  return { kind, message, exitCode: EXIT_CODES[kind], unsent };
}
