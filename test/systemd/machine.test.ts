import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { describeSystemd } from '../support/systemd.ts';
import { SystemdMachine } from '../support/systemd-machine.ts';

describeSystemd('a machine of the tests', () => {
  let machine: SystemdMachine;
  beforeAll(async () => {
    machine = await SystemdMachine.open();
    await machine.boot();
  });
  afterAll(() => machine.close());
  it('runs', async () => {
    expect(await machine.ask('systemctl is-system-running')).toBe('running');
    expect(await machine.ask('id -un; pwd', { user: 'daemon', directory: '/usr' })).toBe('daemon\n/usr');
  });
});
