import { join } from 'node:path';

/**
 * The folder of an installed runner. All code lies in `versions/`, and `bin` is a symbolic link to the one in use, so that
 * an upgrade is one rename; what the runner is and keeps lies beside it and stays.
 */
export interface RunnerFolder {
  /** Absolute. */
  readonly root: string;
  /** One folder for each version that is kept: `versions/0.2.0`. */
  readonly versions: string;
  /** A symbolic link into `versions`, relative: the folder may be moved. `bin/paceline` is the command. */
  readonly bin: string;
  /** What says of a version what it is; its presence makes the folder a runner. */
  readonly manifest: string;
  /** The state directory of the agent, mode 0700: credentials, journals, workspaces. */
  readonly state: string;
  readonly config: string;
  /** `KEY=VALUE` lines that the agent, and so every step, inherits. */
  readonly environment: string;
  /** The PATH at the time of `config.sh`, for a service that would have a bare one. */
  readonly path: string;
  /** The service that was installed for the folder, as JSON; absent without one. */
  readonly service: string;
  /** An upgrade that has begun and not ended, as JSON: what the next call of the command goes on with. */
  readonly upgrade: string;
}

export function runnerFolder(root: string): RunnerFolder {
  return {
    root,
    versions: join(root, 'versions'),
    bin: join(root, 'bin'),
    manifest: join(root, 'bin', 'manifest.json'),
    state: join(root, '_state'),
    config: join(root, 'runner.config.json'),
    environment: join(root, '.env'),
    path: join(root, '.path'),
    service: join(root, '.service'),
    upgrade: join(root, '.upgrade'),
  };
}

/** `manifest.json` of a version. */
export interface VersionManifest {
  readonly schema: 1;
  readonly version: string;
  /** As `linux-x64`. */
  readonly platform: string;
  /** The version of the Node.js that comes along, or null: the one of the PATH is taken. */
  readonly node: string | null;
}
