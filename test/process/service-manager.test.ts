import { once } from 'node:events';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { SILENT_LOG } from '../../src/kernel/diagnostic-log.ts';
import { serviceManager } from '../../src/process/service-manager.ts';
import { FakeClock } from '../support/fake-clock.ts';

/** In place of systemd's own programs: says on a connection to the test what it was asked to say. */
const PROGRAM = '#!/usr/bin/env bash\nexec 3<>"/dev/tcp/127.0.0.1/PORT" && echo "${0##*/} $* to $NOTIFY_SOCKET" >&3\n';

describe('what systemd hears of the agent', () => {
  let folder: string;
  let server: Server;
  let clock: FakeClock;

  beforeEach(async () => {
    clock = new FakeClock();
    folder = await mkdtemp(join(tmpdir(), 'paceline-manager-'));
    server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    for (const name of ['systemd-notify', 'systemctl']) {
      await writeFile(join(folder, name), PROGRAM.replace('PORT', String(port)));
      await chmod(join(folder, name), 0o755);
    }
  });
  afterEach(async () => {
    server.close();
    await rm(folder, { recursive: true });
  });

  const heard = async (): Promise<string> => {
    const [socket] = (await once(server, 'connection')) as [AsyncIterable<Buffer>];
    let text = '';
    for await (const bytes of socket) text += bytes.toString();
    return text.trim();
  };
  const managed = (environment: Record<string, string>) =>
    serviceManager({
      environment: {
        PATH: `${folder}:${process.env.PATH ?? ''}`,
        NOTIFY_SOCKET: '/run/systemd/notify',
        ...environment,
      },
      clock,
      log: SILENT_LOG,
    });

  it('is that it is ready, that it lives three times in each wait, and that it ends', async () => {
    const manager = managed({ WATCHDOG_USEC: '3000000', WATCHDOG_PID: String(process.pid) });
    const ready = heard();
    manager.ready();
    expect(await ready).toBe('systemd-notify READY=1 to /run/systemd/notify');
    for (let round = 0; round < 2; round++) {
      const sign = heard();
      await clock.advance(1_000);
      expect(await sign).toBe('systemd-notify WATCHDOG=1 to /run/systemd/notify');
    }
    const stopping = heard();
    manager.stopping();
    expect(await stopping).toBe('systemd-notify STOPPING=1 to /run/systemd/notify');
    manager.close();
    expect(clock.pendingTimers).toBe(0);
  });

  it.each([{}, { WATCHDOG_USEC: '3000000', WATCHDOG_PID: '1' }])(
    'has no signs of life where none of ours are wanted: %j',
    async (environment) => {
      const manager = managed(environment);
      const ready = heard();
      manager.ready();
      await ready;
      expect(clock.pendingTimers).toBe(0);
    },
  );

  it('is nothing where it is not what started us', async () => {
    const manager = serviceManager({ environment: {}, clock, log: SILENT_LOG });
    manager.ready();
    expect(clock.pendingTimers).toBe(0);
    expect(await manager.goesDown()).toBe(false);
  });

  it.each([
    ['/run/systemd/notify', '--system'],
    ['/run/user/1000/systemd/notify', '--user'],
  ])('is asked by whoever has %s whether it goes down, with %s', async (socket, scope) => {
    const asked = heard();
    const answer = managed({ NOTIFY_SOCKET: socket }).goesDown();
    expect(await asked).toBe(`systemctl ${scope} is-system-running to ${socket}`);
    expect(await answer).toBe(false);
  });

  it('is that it goes down when its answer is `stopping`', async () => {
    await writeFile(join(folder, 'systemctl'), '#!/bin/sh\necho stopping\nexit 1\n');
    expect(await managed({}).goesDown()).toBe(true);
  });
});
