/** A server whose disk may be read alone. */
import { symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { CAN_MOUNT, smallDisk } from '../support/small-disk.ts';
import { withPlane } from './fault-plane.ts';

(CAN_MOUNT ? describe : describe.skip)('a folder that is read-only', () => {
  it(
    'keeps a server from starting, in one sentence with the way out',
    () =>
      withPlane(async (plane) => {
        const disk = smallDisk(32_768);
        plane.afterwards(() => {
          disk.remove();
        });
        await symlink(disk.path, plane.dataDirectory);
        const before = await plane.startServer();
        before.kill('SIGTERM');
        expect((await before.exited).code).toBe(0);
        disk.makeReadOnly();
        const server = plane.start(['server', '--listen', '127.0.0.1:0', '--data', plane.dataDirectory]);
        expect((await server.exited).code).toBe(4);
        expect(server.output()).toBe(
          `paceline: The database '${join(plane.dataDirectory, 'paceline.db')}' cannot be opened: its folder is missing or closed to us. Make the folder writable, or name another with --database.\n`,
        );
      }),
    60_000,
  );
});
