import treeKill from 'tree-kill';

/** Ends what a process started, where neither cgroups nor /proc can tell. */
export interface TreeEnder {
  end(pid: number): Promise<void>;
}

/** On Linux the cgroup, the group and the tracking variable do it; elsewhere the tree is walked by parent pids. */
export function treeEnderFor(platform: NodeJS.Platform): TreeEnder {
  return platform === 'linux' ? { end: () => Promise.resolve() } : treeWalker;
}

export const treeWalker: TreeEnder = {
  end: (pid) =>
    new Promise((resolve) => {
      if (pid <= 1) resolve();
      // An error means that the process has ended: there is no tree to walk.
      else treeKill(pid, 'SIGKILL', () => resolve());
    }),
};
