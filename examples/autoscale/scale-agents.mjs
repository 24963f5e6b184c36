#!/usr/bin/env node
// Keeps as many agents on this machine as a group of runners needs, each for one job and then gone. A worked example: put
// the start of a machine in place of `startAgent`, and it scales machines. It goes by levels: what an answer says is all
// that counts, and one that was missed is made good by the next.
//
//   node scale-agents.mjs --server https://ci.example.org --token-file FILE --user ACCOUNT
//     [--group default] [--labels gpu] [--min 0] [--max 4] [--every 5]
//
// The token: `paceline tokens create scaler --scopes runners:read,runners:jit --group GROUP`. It makes runners, so no job
// may read it: keep it in a file, mode 0600, of the account that runs this, and let agents and jobs be another account
// (--user, which takes root). PACELINE names the command where it is not on the PATH.
import { execFileSync, spawn } from 'node:child_process';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: {
    server: { type: 'string' },
    'token-file': { type: 'string' },
    user: { type: 'string' },
    group: { type: 'string', default: 'default' },
    labels: { type: 'string', default: '' },
    min: { type: 'string', default: '0' },
    max: { type: 'string', default: '4' },
    every: { type: 'string', default: '5' },
  },
});
const { group, labels, user } = values;
const [min, max, every] = [values.min, values.max, values.every].map(Number);
const [command, ...first] = (process.env.PACELINE ?? 'paceline').split(' ');
const asked = ['server', 'token-file'].flatMap((name) => (values[name] ? [`--${name}`, values[name]] : []));
/** Of the agents that are started here: jobs that ask for something else would wait for ever, whatever was started. */
const systems = { linux: 'Linux', darwin: 'macOS', win32: 'Windows' };
const architectures = { x64: 'X64', arm64: 'ARM64', arm: 'ARM', ia32: 'X86' };
const offered = ['self-hosted', systems[process.platform], architectures[process.arch], labels].filter(Boolean);
const account = user === undefined ? {} : accountOf(user);
const agentEnvironment = environmentOfAgents();

if (user === undefined)
  console.error('jobs run as the account of this program, and can read its token: give --user ACCOUNT');
if (process.env.PACELINE_TOKEN)
  console.error('PACELINE_TOKEN is in the environment of this program: --token-file FILE is a better place');

const agents = new Set();
let stopping = false;
let wake = () => {};

for (const signal of ['SIGTERM', 'SIGINT'])
  process.on(signal, () => {
    stopping = true;
    // They end what they have, and take themselves off the list.
    for (const { child } of agents) child.kill('SIGTERM');
    wake();
  });

while (!stopping) {
  try {
    const { wanted } = JSON.parse(await paceline('pools', 'demand', group, '--labels', offered.join(','), '--json'));
    const target = Math.min(max, Math.max(min, agents.size + wanted));
    while (agents.size < target && !stopping) await startAgent();
  } catch (error) {
    console.error(`${error.message}; looking again in ${every} s`);
  }
  if (!stopping) await untilWoken(every * 1_000);
}
await Promise.all([...agents].map(({ ended }) => ended));

async function startAgent() {
  const config = await paceline('runners', 'jit', '--group', group, ...(labels ? ['--labels', labels] : []));
  if (stopping) return;
  // The configuration is a secret: it goes in by the standard input, never as an argument.
  const child = spawn(command, [...first, 'agent', 'run', '--slots', '1', '--jit-file', '-'], {
    ...account,
    env: agentEnvironment,
    stdio: ['pipe', 'inherit', 'inherit'],
    detached: true,
  });
  // One that cannot be started, or ends before it has read.
  for (const source of [child, child.stdin]) source.on('error', ({ message }) => console.error(message));
  child.stdin.end(config);
  const agent = { child, ended: new Promise((resolve) => child.once('close', resolve)) };
  agents.add(agent);
  console.error(`${agents.size} agents`);
  void agent.ended.then(() => {
    agents.delete(agent);
    wake();
  });
}

function paceline(...args) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, [...first, ...args, ...asked], { stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    let errors = '';
    child.stdout.on('data', (text) => (output += text));
    child.stderr.on('data', (text) => (errors += text));
    child.once('error', reject);
    child.once('close', (code) => (code === 0 ? resolve(output) : reject(new Error(errors.trim()))));
  });
}

/** Without the other groups of the account, so that nobody gets Docker's socket by one. */
function accountOf(name) {
  const [, , uid, gid, , cwd] = execFileSync('getent', ['passwd', name], { encoding: 'utf8' }).trim().split(':');
  return { uid: Number(uid), gid: Number(gid), cwd };
}

/** What is in it, a job can read; so it has nothing by which somebody speaks with the server. */
function environmentOfAgents() {
  const own = Object.entries(process.env).filter(([name]) => name !== 'PACELINE_TOKEN' && name !== 'PACELINE_SERVER');
  const ofAccount = user === undefined ? {} : { HOME: account.cwd, USER: user, LOGNAME: user };
  const others = own.filter(([name]) => user === undefined || !name.startsWith('XDG_'));
  // One that finds nothing to do ends by itself; fewer than `min` are started again.
  return { PACELINE_AGENT_IDLE_TIMEOUT_SECONDS: '60', ...Object.fromEntries(others), ...ofAccount };
}

function untilWoken(ms) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    wake = () => {
      clearTimeout(timer);
      resolve();
    };
  });
}
