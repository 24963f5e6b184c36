import { spawn } from 'node:child_process';
import type { Clock } from '../kernel/clock.ts';
import type { DiagnosticLog } from '../kernel/diagnostic-log.ts';

/** Tells systemd how the service is that we are the main process of. Where it did not start us, nobody is told. */
export interface ServiceManager {
  /** The start is over. From now on it hears of us as often as it wants to, for as long as the event loop turns. */
  ready(): void;
  /** We have begun to end. */
  stopping(): void;
  /** Whether the machine goes down, or the account's session does that the service lives in. */
  goesDown(): Promise<boolean>;
  /** Ends the signs of life. */
  close(): void;
}

export interface ServiceManagerOptions {
  /** Where systemd left its address and wishes: NOTIFY_SOCKET, WATCHDOG_USEC, WATCHDOG_PID. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  readonly log: DiagnosticLog;
}

/** Of the time that systemd waits for a sign of life: one may be late without harm. */
const PINGS_PER_WAIT = 3;
const MICROSECONDS_PER_MS = 1_000;
/** systemd-notify waits until it was heard, systemctl for its answer: at most so long. */
const ANSWER_LIMIT_MS = 10_000;
/** Of the system's manager; each account has one of its own elsewhere. */
const SYSTEM_SOCKET = '/run/systemd/notify';

const NO_MANAGER: ServiceManager = {
  ready: () => undefined,
  stopping: () => undefined,
  goesDown: () => Promise.resolve(false),
  close: () => undefined,
};

/**
 * By a process of `systemd-notify` for each word, as Node.js has no datagrams on Unix sockets. The unit needs
 * `NotifyAccess=all` for that.
 */
export function serviceManager({ environment, clock, log }: ServiceManagerOptions): ServiceManager {
  const socket = environment.NOTIFY_SOCKET || null;
  if (socket === null) return NO_MANAGER;
  const everyMs = pingIntervalMs(environment);
  let cancelPing = (): void => undefined;
  let said = Promise.resolve();
  const say = (word: string): void => {
    said = said
      .then(() => ask('systemd-notify', [word], environment))
      .then(({ code }) => {
        if (code !== 0) throw new Error(`systemd-notify ended with ${String(code)}`);
      })
      .catch((error: unknown) => log.error(`systemd cannot be told ${word}: ${String(error)}`));
  };
  const ping = (): void => {
    if (everyMs === null) return;
    cancelPing = clock.after(everyMs, () => {
      say('WATCHDOG=1');
      ping();
    });
  };
  return {
    ready: () => {
      say('READY=1');
      ping();
    },
    stopping: () => say('STOPPING=1'),
    goesDown: async () => {
      const scope = socket === SYSTEM_SOCKET ? '--system' : '--user';
      try {
        return (await ask('systemctl', [scope, 'is-system-running'], environment)).text === 'stopping';
      } catch (error) {
        log.error(`systemd cannot be asked: ${String(error)}`);
        return false;
      }
    },
    close: () => cancelPing(),
  };
}

/** Null: no signs of life are wanted, or those of another process are. */
function pingIntervalMs({ WATCHDOG_USEC, WATCHDOG_PID }: ServiceManagerOptions['environment']): number | null {
  const wait = Number(WATCHDOG_USEC ?? 0);
  if (!(wait > 0) || (WATCHDOG_PID !== undefined && WATCHDOG_PID !== String(process.pid))) return null;
  return wait / MICROSECONDS_PER_MS / PINGS_PER_WAIT;
}

/** Code null: it was ended by a signal. */
function ask(
  command: string,
  args: readonly string[],
  { PATH = '', NOTIFY_SOCKET, XDG_RUNTIME_DIR, DBUS_SESSION_BUS_ADDRESS }: ServiceManagerOptions['environment'],
): Promise<{ readonly code: number | null; readonly text: string }> {
  return new Promise((resolve, reject) => {
    // The PATH of a runner may be one for its jobs alone.
    const env = { PATH: `${PATH}:/usr/bin:/bin`, NOTIFY_SOCKET, XDG_RUNTIME_DIR, DBUS_SESSION_BUS_ADDRESS };
    const child = spawn(command, args, { env, stdio: ['ignore', 'pipe', 'ignore'], timeout: ANSWER_LIMIT_MS });
    let text = '';
    child.stdout.on('data', (bytes: Buffer) => (text += bytes.toString()));
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, text: text.trim() }));
  });
}
