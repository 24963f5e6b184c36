import type { Clock } from '../kernel/clock.ts';
import type { Pulse } from '../kernel/pulse.ts';
import type { EntryProcess, ProcessTree, SessionState } from './process-tree.ts';
import type { StopLadder } from './running-process.ts';

export interface TreeEnd {
  readonly tree: ProcessTree;
  readonly entry: EntryProcess;
  readonly ladder: StopLadder;
  readonly clock: Clock;
  /** Woken when the entry process has ended, and when a kill is asked for. */
  readonly pulse: Pulse;
  readonly killAsked: () => boolean;
}

/** How long SIGKILL may take: only a process in an uninterruptible wait, or of another user, outlives it. */
const UNKILLABLE_MS = 5_000;
/** Most entry processes end at once of a SIGINT to their group. Only if not is it worth a search who else gets one. */
const GROUP_FIRST_MS = 10;
/** Nobody tells when a process that is not our child has ended, so we look: soon at first, then less and less. */
const FIRST_PAUSE_MS = 1;
const LONGEST_PAUSE_MS = 32;

/**
 * The ladder: SIGINT, SIGTERM, SIGKILL, each rung until its time is over or the whole session has ended; then what left
 * the session (daemons) is killed at once. Resolves when nothing lives, or after {@link UNKILLABLE_MS} more.
 *
 * The entry process gets the whole time of each rung: a script's trap may clean up. Once it has ended, its leftovers
 * get SIGTERM at once instead of at the end of SIGINT's time, since bash starts `cmd &` with SIGINT ignored and such a
 * process would never end of it. Only while one of them has a handler for SIGINT does its time go on: it got the signal
 * and may be cleaning up. After SIGTERM they have the same time as everybody.
 */
export async function endTree(end: TreeEnd): Promise<void> {
  const { tree, entry, ladder, pulse, killAsked } = end;
  let session: SessionState = 'alive';
  if (!killAsked() && entry.lives()) {
    const time = new RungTime(end, ladder.interruptMs);
    tree.interrupt();
    await pulse.next(systemTimer(GROUP_FIRST_MS));
    if (entry.lives() && !killAsked()) await tree.interruptOthers();
    session = await time.whileAnyIs(['cleaning-up']);
  }
  if (!killAsked() && session !== 'gone') {
    const time = new RungTime(end, ladder.terminateMs);
    await tree.terminate();
    await time.whileAnyIs(['alive', 'cleaning-up']);
  }
  await killAll(end);
}

async function killAll({ tree, entry, clock, pulse }: TreeEnd): Promise<void> {
  const giveUp = clock.monotonic() + UNKILLABLE_MS;
  const pauses = new Pauses(pulse);
  while ((await tree.kill()) || entry.lives()) {
    if (clock.monotonic() >= giveUp) return;
    await pauses.next();
  }
}

/** The time of one rung, from its making. */
class RungTime {
  readonly #end: TreeEnd;
  readonly #cancel: () => void;
  #over = false;

  constructor(end: TreeEnd, ms: number) {
    this.#end = end;
    this.#cancel = end.clock.after(ms, () => {
      this.#over = true;
      end.pulse.wake();
    });
  }

  /**
   * Waits for the entry process, and from then on while its session is in such a state; never longer than the rung's
   * time or until a kill. Returns the last state that was seen.
   */
  async whileAnyIs(states: readonly SessionState[]): Promise<SessionState> {
    const { tree, entry, pulse, killAsked } = this.#end;
    const over = (): boolean => this.#over || killAsked();
    await pulse.until(() => over() || !entry.lives());
    const pauses = new Pauses(pulse);
    let session: SessionState = 'alive';
    while (!over() && states.includes((session = await tree.look()))) await pauses.next();
    this.#cancel();
    return session;
  }
}

class Pauses {
  readonly #pulse: Pulse;
  #ms = FIRST_PAUSE_MS;

  constructor(pulse: Pulse) {
    this.#pulse = pulse;
  }

  next(): Promise<void> {
    const ms = this.#ms;
    this.#ms = Math.min(ms * 2, LONGEST_PAUSE_MS);
    return this.#pulse.next(systemTimer(ms));
  }
}

/** For pauses between looks at the system, which runs on its own time, not on the injected clock. */
function systemTimer(ms: number): (callback: () => void) => () => void {
  return (callback) => {
    const timer = setTimeout(callback, ms);
    return () => clearTimeout(timer);
  };
}
