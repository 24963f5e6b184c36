import type { NodeRuntime } from '../steps/handler-options.ts';

/** What a run is asked to be. Paths are absolute; nothing here was read from the environment by itself. */
export interface RunOptions {
  /** Absolute path of the workflow file. */
  readonly file: string;
  /** The file as the user names it, for diagnostics. */
  readonly shownFile: string;
  readonly workspace: string;
  readonly event: string | null;
  readonly eventPath: string | null;
  readonly applyFilters: boolean;
  readonly job: string | null;
  readonly matrix: readonly { readonly key: string; readonly value: string }[];
  readonly inputs: Readonly<Record<string, string>>;
  readonly secrets: Readonly<Record<string, string>>;
  readonly vars: Readonly<Record<string, string>>;
  /** What jobs that wait for one find, in this order; data is null where there is none. */
  readonly signals: readonly { readonly name: string; readonly data: string | null }[];
  /** Background steps at once in a job; null for the configured number. */
  readonly maxBackground: number | null;
  /** Jobs at once; null for one in place, as many as there are cores with copies. */
  readonly jobs: number | null;
  readonly isolate: boolean;
  readonly offline: boolean;
  readonly actionRoots: readonly string[];
  readonly report: string | null;
  readonly events: string | null;
  readonly logDirectory: string | null;
  /** `runner.config.json`; null for the defaults. */
  readonly config: string | null;
  /** The environment of the command line as it is: `PACELINE_…` variables outrank the configuration file. */
  readonly configEnvironment: Readonly<Record<string, string | undefined>>;
  /** The folder the command was given in. */
  readonly directory: string;
  /** What every step starts with: the environment of the command line, and `--env`. */
  readonly environment: Readonly<Record<string, string>>;
  /** Keeps what may be kept between runs: fetched actions, tools. */
  readonly cacheDirectory: string;
  readonly tempDirectory: string;
  /** The account's home folder, where git keeps settings; null when there is none. */
  readonly home: string | null;
  readonly userName: string;
  readonly cores: number;
  readonly machineName: string;
  /** Of Paceline. */
  readonly version: string;
  /** What runs Paceline, and JavaScript actions where nothing else is configured. */
  readonly node: NodeRuntime;
}
