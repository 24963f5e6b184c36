import type { ActionStore } from '../actions/action-store.ts';
import type { ActionLoad, LoadedAction } from '../actions/loaded-action.ts';
import type { UsesStepPlan } from '../protocol/plan.ts';
import { ActionInstance } from './action-instance.ts';

/** The actions of one job: which copy each step uses, and which have something to do after the main steps. */
export class JobActions {
  readonly #store: ActionStore;
  readonly #workspace: string;
  /** Of other repositories, by `uses`: every step of a job gets the same copy, and a problem is met once. */
  readonly #loads = new Map<string, ActionLoad>();
  readonly #roots = new Map<string, ActionInstance>();
  readonly #posts: ActionInstance[] = [];

  constructor(store: ActionStore, workspace: string) {
    this.#store = store;
    this.#workspace = workspace;
  }

  /** Local actions are read each time: an earlier step may have written them. */
  async load(uses: string, signal: AbortSignal): Promise<ActionLoad> {
    const known = this.#loads.get(uses);
    if (known) return known;
    const load = await this.#store.load(uses, this.#workspace, signal);
    const kept = load.kind === 'problem' ? !signal.aborted : load.action.reference.kind === 'repository';
    if (kept && !uses.startsWith('.')) this.#loads.set(uses, load);
    return load;
  }

  /** The same instance for all stages of a step. */
  instanceOf(step: UsesStepPlan, action: LoadedAction, parent: ActionInstance | null): ActionInstance {
    const siblings = parent === null ? this.#roots : parent.children;
    const known = siblings.get(step.id);
    if (known) return known;
    const instance = new ActionInstance(step, action, parent);
    siblings.set(step.id, instance);
    return instance;
  }

  /** To be called when a pre or main stage starts; once is enough. A composite action comes with its inner actions. */
  registerPost(instance: ActionInstance): void {
    const { parent } = instance;
    const siblings = parent === null ? this.#posts : parent.posts;
    if (siblings.includes(instance)) return;
    siblings.push(instance);
    if (parent !== null) this.registerPost(parent);
  }

  /** Steps of the job with something to do after the main steps, in the order of registration. */
  get posts(): readonly ActionInstance[] {
    return this.#posts;
  }
}
