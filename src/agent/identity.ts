import { createPrivateKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { unseal } from '../kernel/sealed-box.ts';
import { writeDurably } from '../kernel/write-durably.ts';
import { AgentProblem } from './agent-problem.ts';
import type { RunnerKeys } from './agent-ports.ts';

export const CREDENTIALS_FILE = 'runner.json';
const PENDING_KEYS_FILE = 'keys.pending.json';

/** Who a runner is, in its state folder, for its owner's eyes alone. The server has nothing of it that is secret. */
export interface RunnerIdentity {
  readonly server: string;
  readonly runner: string;
  readonly name: string;
  /** Beyond self-hosted, operating system and architecture. */
  readonly labels: readonly string[];
  /** Absent in what earlier versions wrote: with them. */
  readonly withoutDefaultLabels?: boolean;
  readonly ephemeral: boolean;
  /** Ed25519 and X25519, PKCS #8 in base64. */
  readonly signingKey: string;
  readonly sealingKey: string;
}

export interface NewKeys {
  readonly signingKey: string;
  readonly sealingKey: string;
  /** SPKI in base64. */
  readonly publicKey: string;
  readonly sealKey: string;
}

/**
 * New keys, kept until {@link writeIdentity}: who is interrupted after the server has taken them needs them again, since
 * the name is theirs by then.
 */
export async function keysToRegister(
  stateDirectory: string,
): Promise<{ readonly keys: NewKeys; readonly isFirst: boolean }> {
  const path = join(stateDirectory, PENDING_KEYS_FILE);
  try {
    return { keys: JSON.parse(await readFile(path, 'utf8')) as NewKeys, isFirst: false };
  } catch {
    // The first time.
  }
  const keys = makeKeys();
  await writeDurably(path, textOf(keys), MODE);
  return { keys, isFirst: true };
}

/** The server has refused them. */
export function forgetNewKeys(stateDirectory: string): Promise<void> {
  return rm(join(stateDirectory, PENDING_KEYS_FILE), { force: true });
}

export function makeKeys(): NewKeys {
  const signing = generateKeyPairSync('ed25519');
  const sealing = generateKeyPairSync('x25519');
  return {
    signingKey: privateText(signing.privateKey),
    sealingKey: privateText(sealing.privateKey),
    publicKey: signing.publicKey.export({ type: 'spki', format: 'der' }).toString('base64'),
    sealKey: sealing.publicKey.export({ type: 'spki', format: 'der' }).toString('base64'),
  };
}

export function keysOf({ signingKey, sealingKey }: RunnerIdentity): RunnerKeys {
  const signing = createPrivateKey({ key: Buffer.from(signingKey, 'base64'), format: 'der', type: 'pkcs8' });
  return {
    sign: (text) => sign(null, Buffer.from(text), signing).toString('base64'),
    unseal: (sealed, associatedData) => unseal(sealed, sealingKey, associatedData),
  };
}

/** Null when there is none. Rejects with an {@link AgentProblem} when the file is not what was written. */
export async function readIdentity(stateDirectory: string): Promise<RunnerIdentity | null> {
  const identity = await findIdentity(stateDirectory);
  if (identity !== 'damaged') return identity;
  const path = join(stateDirectory, CREDENTIALS_FILE);
  throw new AgentProblem(
    'usage',
    `The credentials ${path} are damaged: \`paceline agent remove --local --state '${stateDirectory}'\` removes them; then register the runner again.`,
  );
}

/** Null when there is none. Rejects with an {@link AgentProblem} for a file that may not be read. */
export async function findIdentity(stateDirectory: string): Promise<RunnerIdentity | 'damaged' | null> {
  const path = join(stateDirectory, CREDENTIALS_FILE);
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw new AgentProblem('usage', `The credentials ${path} cannot be read: ${(error as Error).message}.`, error);
  }
  return identityIn(text) ?? 'damaged';
}

/** Null: it is none. */
function identityIn(text: string): RunnerIdentity | null {
  try {
    const value = JSON.parse(text) as RunnerIdentity | null;
    const { server, runner, name, signingKey, sealingKey } = value ?? ({} as Partial<RunnerIdentity>);
    const isWhole = [server, runner, name, signingKey, sealingKey].every((one) => typeof one === 'string');
    return isWhole ? value : null;
  } catch {
    // What the parser says would quote a key.
    return null;
  }
}

export async function writeIdentity(stateDirectory: string, identity: RunnerIdentity): Promise<void> {
  await mkdir(stateDirectory, { recursive: true, mode: 0o700 });
  await writeDurably(join(stateDirectory, CREDENTIALS_FILE), textOf(identity), MODE);
  await rm(join(stateDirectory, PENDING_KEYS_FILE), { force: true });
}

/** For its owner's eyes alone. */
const MODE = 0o600;

function textOf(value: RunnerIdentity | NewKeys): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

export async function removeIdentity(stateDirectory: string): Promise<void> {
  for (const name of [CREDENTIALS_FILE, PENDING_KEYS_FILE]) await rm(join(stateDirectory, name), { force: true });
}

function privateText(key: KeyObject): string {
  return key.export({ type: 'pkcs8', format: 'der' }).toString('base64');
}
