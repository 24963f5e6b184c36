import type { RunnerConfig } from '../config/runner-config.ts';
import type { DiagnosticLog } from '../kernel/diagnostic-log.ts';

/** What `startServer(options): Promise<RunningServer>` goes by (start-server.ts). */
export interface ServerOptions {
  readonly config: RunnerConfig['server'];
  /** `github.server_url`, and where `OWNER/NAME` is cloned from: `actions.baseUrl` of the configuration. */
  readonly baseUrl: string;
  /** Absolute; made when missing, with mode 0700. */
  readonly dataDirectory: string;
  readonly log: DiagnosticLog;
  /** What git is started with, to read workflows of repositories. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** What the store's thread is started with: `storage/store-thread.ts`, bundled. */
  readonly storeThreadFile: string;
  /** What a search by pattern is started with: `logs/search-thread.ts`, bundled. Null: patterns are refused. */
  readonly searchThreadFile?: string | null;
  /** See `failpointAt`; null outside tests. */
  readonly failpoint?: string | null;
  /** Of Paceline; what agents and `/healthz` are told. */
  readonly version: string;
  /** The server cannot go on by itself: the process is to end. */
  readonly onFatal: (error: Error) => void;
}

export interface RunningServer {
  readonly host: string;
  /** The one it got, where the configuration says 0. */
  readonly port: number;
  /** `http://HOST:PORT`, or the configured public address. */
  readonly url: string;
  /** Only at the first start of a database: to be shown once. It is in {@link adminTokenFile} too. */
  readonly adminToken: string | null;
  /** Mode 0600. */
  readonly adminTokenFile: string;
  /** Answers what is held, ends streams with a hint to come back, closes everything. Any number of times. */
  stop(): Promise<void>;
}
