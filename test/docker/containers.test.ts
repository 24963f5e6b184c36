import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { describeDocker } from '../support/docker.ts';
import { DockerEngine } from '../support/docker-engine.ts';
import { buildDatabase, buildImages } from './images.ts';

describeDocker('containers', () => {
  let engine: DockerEngine;
  beforeAll(async () => {
    engine = await DockerEngine.start();
    await buildImages(engine);
    await buildDatabase(engine);
  }, 180_000);
  afterAll(async () => expect(await engine.close()).toEqual([]), 60_000);
  it('builds', async () => {
    console.log(await engine.docker('images'));
    console.log(await engine.docker('run', '--rm', 'paceline-server', '--version'));
    console.log(
      await engine.docker(
        'run',
        '--rm',
        '--entrypoint',
        'bash',
        'paceline-runner',
        '-c',
        'id; ls -la / /opt/paceline /var/lib/paceline; env; ps -ef; git --version',
      ),
    );
    console.log(await engine.docker('history', 'paceline-runner'));
  }, 60000);
});
