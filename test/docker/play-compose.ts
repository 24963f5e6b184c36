import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { DockerEngine } from '../support/docker-engine.ts';
import { type ComposeFile, createArguments, readComposeFile, startOrder } from './compose-file.ts';
import { ContainerPlane, QUICK_HEALTH } from './container-plane.ts';
import { DATABASE } from './images.ts';

/** Starts what compose.yaml describes, as `docker compose up -d` would. Resolves when all of it is healthy. */
export async function playCompose(engine: DockerEngine): Promise<ContainerPlane> {
  const file = readComposeFile();
  const plane = new ContainerPlane(engine, 'server');
  await mkdir(join(engine.folder, 'secrets'));
  await writeFile(join(engine.folder, 'secrets/database-password'), 'a pass/word: with @ all', { mode: 0o644 });
  for (const [name, network] of Object.entries(file.networks))
    await engine.docker('network', 'create', ...(network?.internal === true ? ['--internal'] : []), name);
  for (const name of startOrder(file)) {
    if (name === 'runner-1')
      await rename(await plane.registrationToken(2), join(engine.folder, 'secrets/registration-token'));
    await start(engine, file, name);
  }
  return plane;
}

async function start(engine: DockerEngine, file: ComposeFile, name: string): Promise<void> {
  const { image, networks } = file.services[name]!;
  const created = [...createArguments(file, name, engine.folder), ...QUICK_HEALTH];
  await engine.docker('create', ...created, image.startsWith('postgres:') ? DATABASE : image);
  for (const network of networks.slice(1)) await engine.docker('network', 'connect', '--alias', name, network, name);
  await engine.docker('start', name);
  await engine.healthy(name);
}

/** What must be seen nowhere. */
export async function composeSecrets(engine: DockerEngine): Promise<string[]> {
  const names = ['database-password', 'registration-token'];
  return Promise.all(names.map((name) => readFile(join(engine.folder, 'secrets', name), 'utf8')));
}
