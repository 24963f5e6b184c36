import type { Clock } from '../kernel/clock.ts';
import type { Pulse } from '../kernel/pulse.ts';
import type { EntryProcess, ProcessTree } from './process-tree.ts';
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
/** Nobody tells when a process that is not our child has ended, so we look: soon at first, then less and less. */
const FIRST_PAUSE_MS = 1;
const LONGEST_PAUSE_MS = 32;
/** Looks that find nobody before we believe it, when processes were started all over the machine meanwhile. */
const EMPTY_LOOKS = 3;

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
  const { tree, entry, ladder, killAsked } = end;
  if (!killAsked() && entry.lives()) {
    const time = new RungTime(end, ladder.interruptMs);
    await tree.interrupt();
    await time.whileNeeded(async () => (await tree.look()) === 'cleaning-up');
  }
  if (!killAsked() && (entry.lives() || (await tree.look()) !== 'gone')) {
    const time = new RungTime(end, ladder.terminateMs);
    await tree.terminate();
    await time.whileNeeded(async () => (await tree.look()) !== 'gone');
  }
  await killAll(end);
}

async function killAll({ tree, entry, clock, pulse }: TreeEnd): Promise<void> {
  const giveUp = clock.monotonic() + UNKILLABLE_MS;
  const pauses = new Pauses(pulse);
  for (let emptyLooks = 0; clock.monotonic() < giveUp;) {
    const { found, certain } = await tree.kill();
    emptyLooks = found || entry.lives() ? 0 : emptyLooks + 1;
    if (emptyLooks >= (certain ? 1 : EMPTY_LOOKS)) return;
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

  /** Waits for the entry process, and from then on while `needed` says so; never longer than the rung's time or until a kill. */
  async whileNeeded(needed: () => Promise<boolean>): Promise<void> {
    const { entry, pulse, killAsked } = this.#end;
    const over = (): boolean => this.#over || killAsked();
    await pulse.until(() => over() || !entry.lives());
    const pauses = new Pauses(pulse);
    while (!over() && (await needed())) await pauses.next();
    this.#cancel();
  }
}

/** Pauses between looks at the system, which runs on its own time: not on the injected clock. */
class Pauses {
  readonly #pulse: Pulse;
  #ms = FIRST_PAUSE_MS;

  constructor(pulse: Pulse) {
    this.#pulse = pulse;
  }

  next(): Promise<void> {
    const ms = this.#ms;
    this.#ms = Math.min(ms * 2, LONGEST_PAUSE_MS);
    return this.#pulse.next((callback) => {
      const timer = setTimeout(callback, ms);
      return () => clearTimeout(timer);
    });
  }
}
