/** compose.yaml as plain commands of Docker: where the plugin is missing, the file is still what is played. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';

export interface ComposeFile {
  readonly name: string;
  readonly services: Readonly<Record<string, ComposeService>>;
  readonly networks: Readonly<Record<string, { readonly internal?: boolean } | null>>;
  readonly volumes: Readonly<Record<string, null>>;
  readonly secrets: Readonly<Record<string, { readonly file: string }>>;
}

/** The keys that ours use; any other one is refused by the test. */
export interface ComposeService {
  readonly image: string;
  readonly build?: { readonly context: string; readonly target: string };
  readonly environment: Readonly<Record<string, string | number>>;
  readonly secrets: readonly string[];
  readonly networks: readonly string[];
  readonly ports?: readonly string[];
  readonly volumes: readonly string[];
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly healthcheck?: {
    readonly test: readonly string[];
    readonly interval: string;
    readonly timeout: string;
    readonly retries: number;
  };
  readonly restart: string;
  readonly stop_grace_period: string;
}

export function readComposeFile(): ComposeFile {
  const path = fileURLToPath(new URL('../../compose.yaml', import.meta.url));
  return parse(readFileSync(path, 'utf8'), { merge: true }) as ComposeFile;
}

/**
 * Arguments of `docker create` for a service; the networks after the first are connected afterwards.
 *
 * @param folder that the files of secrets are relative to.
 */
export function createArguments(file: ComposeFile, name: string, folder: string): string[] {
  const { environment, secrets, networks, volumes, healthcheck, restart, ...service } = file.services[name]!;
  return [
    ...['--name', name, '--network', networks[0]!, '--network-alias', name, '--restart', restart],
    ...['--stop-timeout', String(seconds(service.stop_grace_period))],
    ...Object.entries(environment).flatMap(([key, value]) => ['-e', `${key}=${interpolated(String(value))}`]),
    ...secrets.flatMap((secret) => ['-v', `${folder}/${file.secrets[secret]!.file}:/run/secrets/${secret}:ro`]),
    ...volumes.flatMap((volume) => ['-v', `${file.name}_${volume}`]),
    ...(service.ports ?? []).flatMap((port) => ['-p', port]),
    ...(healthcheck ? ['--health-cmd', healthcheck.test.slice(1).join(' ')] : []),
    ...(healthcheck ? ['--health-retries', String(healthcheck.retries)] : []),
  ];
}

/** A service after those that it waits for. */
export function startOrder({ services }: ComposeFile): string[] {
  const order = new Set<string>();
  const visit = (name: string): void => {
    Object.keys(services[name]!.depends_on ?? {}).forEach(visit);
    order.add(name);
  };
  Object.keys(services).forEach(visit);
  return [...order];
}

/** `${NAME:-default}` where no NAME is set. */
function interpolated(text: string): string {
  return text.replace(/\$\{\w+:-([^}]*)\}/g, '$1');
}

/** Of `30s`, `70m`. */
export function seconds(text: string): number {
  const [, count, unit] = /^(\d+)([sm])$/.exec(text)!;
  return Number(count) * (unit === 'm' ? 60 : 1);
}
