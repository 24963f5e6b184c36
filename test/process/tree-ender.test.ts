import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { describe, expect, it } from '@jest/globals';
import { treeEnderFor, treeWalker } from '../../src/process/tree-ender.ts';
import { livingWith, MARKER } from '../support/living-processes.ts';

describe('ending a tree by its parent pids', () => {
  it('is for the systems where nothing better is there', () => {
    expect(treeEnderFor('darwin')).toBe(treeWalker);
    expect(treeEnderFor('win32')).toBe(treeWalker);
    expect(treeEnderFor('linux')).not.toBe(treeWalker);
  });

  it('ends children and grandchildren', async () => {
    const marker = randomUUID();
    const child = spawn('bash', ['-c', 'bash -c "sleep 999 & sleep 998 & echo ready; wait" & wait'], {
      env: { PATH: process.env.PATH, [MARKER]: marker },
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    await once(child.stdout, 'data');
    const closed = once(child, 'close');
    await treeWalker.end(child.pid!);
    await closed;
    expect(await livingWith(marker)).toEqual([]);
  });

  it('is content with a tree that has ended', async () => {
    const child = spawn('true');
    await once(child, 'close');
    await expect(treeWalker.end(child.pid!)).resolves.toBeUndefined();
  });
});
