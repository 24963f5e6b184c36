/** A service of the operating system that keeps one runner going. systemd and launchd have one implementation each. */
export interface Service {
  /** Writes the unit, enables it, does not start it. Repeating an install that was interrupted completes it. */
  install(): Promise<void>;
  start(): Promise<void>;
  /** An ordinary stop: the agent drains; returns when it has ended. Jobs that a crash has left alone go on. */
  stop(): Promise<void>;
  /** After a stop: ends the jobs that go on without an agent. */
  endJobs(): Promise<void>;
  status(): Promise<ServiceStatus>;
  /** What this version would have it started by: the text of a unit, of a property list. */
  text(): Promise<string>;
  /** What it is started by; null: that was removed by hand. */
  currentText(): Promise<string | null>;
  /** Takes that text instead, from the next start on; what runs goes on. Rejects where there is none to be replaced. */
  replaceText(text: string): Promise<void>;
  /** Stops, disables and removes it. What is not there any more is passed over. */
  uninstall(): Promise<void>;
}

export interface ServiceStatus {
  /** As `paceline-runner.build-1.service`. */
  readonly name: string;
  readonly installed: boolean;
  readonly enabled: boolean;
  readonly running: boolean;
  /** The agent's, while it runs. */
  readonly pid: number | null;
  /** What the service manager says, in its words: `active (running)`. */
  readonly text: string;
}
