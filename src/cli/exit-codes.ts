/** The exit codes of every command. Part of the contract with scripts: a number never changes its meaning. */
export const EXIT = {
  success: 0,
  /** The run was made, and failed. */
  runFailed: 1,
  /** The command line or a file is wrong. */
  usage: 2,
  cancelled: 3,
  /** A server could not be reached, or did not accept who we are. */
  unreachable: 4,
  /** A fault of Paceline's own. */
  internal: 70,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** Of an agent: it was told to end, and did. */
export const ENDED_AS_ASKED: readonly ExitCode[] = [EXIT.success, EXIT.cancelled];
/** Of an agent: to start it again changes nothing until a person has. Service managers are told so, see layouts/bin. */
export const RESTART_IN_VAIN: readonly ExitCode[] = [EXIT.usage, EXIT.unreachable];
