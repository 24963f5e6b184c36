import type { NetworkSettings } from '../kernel/open-dispatcher.ts';
import type { RunnerIdentity } from '../agent/identity.ts';
import type { Clock } from '../kernel/clock.ts';

/** Whom and what the doctor looks at. */
export interface DoctorSubject {
  /** Where an installed runner keeps the name of its service; null for one without a folder of its own. */
  readonly serviceFile: string | null;
  readonly configuration: {
    /** What is wrong with it, as sentences: the rest is looked at with the defaults then. */
    readonly problems: readonly string[];
    /** `agent.healthScript`. */
    readonly healthScript: string | null;
  };
  /** Absolute; need not be there. */
  readonly stateDirectory: string;
  /** Of the agent's sockets. */
  readonly runtimeDirectory: string;
  /** Where temporary folders of jobs are made. */
  readonly temporaryDirectory: string;
  readonly minFreeDiskMb: number;
  readonly registration: Registration;
  /** Null: none is named, and none is registered with. */
  readonly server: string | null;
  readonly network: NetworkSettings;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Of Node.js, as `v20.19.0`. */
  readonly nodeVersion: string;
  readonly clock: Clock;
}

export type Registration =
  | { readonly kind: 'none' }
  | { readonly kind: 'registered'; readonly identity: RunnerIdentity }
  /** To this account; the number of the one whose it is, null when that is not known. */
  | { readonly kind: 'closed'; readonly owner: number | null }
  /** `why` is a sentence. */
  | { readonly kind: 'unreadable'; readonly why: string };
