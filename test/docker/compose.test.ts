/** compose.yaml by the rules of https://github.com/compose-spec/compose-spec, as far as it uses them. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { CONFIG_VARIABLES } from '../../src/config/runner-config-variables.ts';
import { readComposeFile, seconds, startOrder } from './compose-file.ts';

const file = readComposeFile();
const services = Object.entries(file.services);
const dockerfile = readFileSync(fileURLToPath(new URL('../../Dockerfile', import.meta.url)), 'utf8');

/** Those of a service that the other tests understand. */
const KEYS =
  'image build environment secrets networks ports volumes depends_on healthcheck restart stop_grace_period'.split(' ');
/** Of the environment, beside the settings. */
const VARIABLES = ['PACELINE_SERVER', 'PACELINE_TOKEN_FILE', 'PACELINE_RUNNER_NAME'];

describe('the compose file', () => {
  it('has a server, PostgreSQL and two runners, started in the order in which they need each other', () => {
    expect(startOrder(file)).toEqual(['database', 'server', 'runner-1', 'runner-2']);
  });

  it.each(services)('has in %s only what a service may have and what is defined', (_name, service) => {
    expect(Object.keys(service).filter((key) => !KEYS.includes(key))).toEqual([]);
    for (const secret of service.secrets) expect(file.secrets).toHaveProperty([secret, 'file']);
    for (const network of service.networks) expect(Object.keys(file.networks)).toContain(network);
    for (const volume of service.volumes) expect(Object.keys(file.volumes)).toContain(volume.split(':')[0]);
    expect(service.restart).toBe('unless-stopped');
  });

  it('waits only for services with a health check', () => {
    const checked = services.filter(
      ([, { healthcheck, build }]) =>
        healthcheck !== undefined || stageOf(build?.target ?? '').includes('\nHEALTHCHECK '),
    );
    for (const [, { depends_on = {} }] of services)
      for (const [name, { condition }] of Object.entries(depends_on)) {
        expect(condition).toBe('service_healthy');
        expect(checked.map(([checkedName]) => checkedName)).toContain(name);
      }
  });

  it('uses every secret, network and volume that it defines, and a volume in one service only', () => {
    const used = services.flatMap(([, { secrets, networks, volumes }]) => [
      ...[...secrets, ...networks].map(String),
      ...volumes.map((volume) => volume.split(':')[0]!),
    ]);
    const defined = [file.secrets, file.networks, file.volumes].flatMap((part) => Object.keys(part));
    expect([...new Set(used)].sort()).toEqual([...new Set(defined)].sort());
    const volumes = services.flatMap(([, service]) => service.volumes);
    expect(new Set(volumes.map((volume) => volume.split(':')[0])).size).toBe(volumes.length);
  });

  it('has its secrets in files, and variables that there are', () => {
    const known = new Set([...VARIABLES, ...CONFIG_VARIABLES.map(({ variable }) => variable)]);
    for (const [, { environment }] of services)
      for (const [name, value] of Object.entries(environment)) {
        if (name.startsWith('PACELINE_')) expect(known).toContain(name);
        if (/PASSWORD|TOKEN|KEY/.test(name)) expect([name, value]).toEqual([expect.stringMatching(/_FILE$/), value]);
        expect(String(value)).not.toMatch(/:\/\/[^/]*:[^/]*@/);
      }
  });

  it('gives a runner the time to drain, to cancel and to send', () => {
    for (const name of ['runner-1', 'runner-2']) {
      const { environment, stop_grace_period } = file.services[name]!;
      const drain = Number(environment.PACELINE_AGENT_DRAIN_TIMEOUT_SECONDS);
      expect(seconds(stop_grace_period)).toBeGreaterThanOrEqual(drain + CANCEL_SECONDS + FLUSH_SECONDS);
    }
  });

  it('keeps jobs away from the database', () => {
    expect(file.networks.back).toEqual({ internal: true });
    expect(services.filter(([, { networks }]) => networks.includes('back')).map(([name]) => name)).toEqual([
      'database',
      'server',
    ]);
  });
});

/** Defaults of cancelTimeoutSeconds and agent.flushTimeoutSeconds. */
const CANCEL_SECONDS = 300;
const FLUSH_SECONDS = 120;

/** Of the Dockerfile, from its FROM to the next. */
function stageOf(target: string): string {
  return dockerfile.split(/^FROM /m).find((stage) => new RegExp(`^.* AS ${target}\\n`).test(stage)) ?? '';
}
