#!/usr/bin/env node
// Keeps as many agents on this machine as a group of runners needs, each for one job and then gone. A worked example: put
// the start of a machine in place of `startAgent`, and it scales machines. It goes by levels: what an answer says is all
// that counts, and one that was missed is made good by the next.
//
//   node scale-agents.mjs --group default --min 0 --max 4 [--labels gpu] [--every 5]
//
// The server and the token are those of `paceline` (PACELINE_SERVER and PACELINE_TOKEN, or `paceline login`); the token
// needs the scopes runners:read and runners:write. PACELINE names the command where it is not on the PATH.
import { spawn } from 'node:child_process';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: {
    group: { type: 'string', default: 'default' },
    labels: { type: 'string', default: '' },
    min: { type: 'string', default: '0' },
    max: { type: 'string', default: '4' },
    every: { type: 'string', default: '5' },
  },
});
const { group, labels } = values;
const [min, max, every] = [values.min, values.max, values.every].map(Number);
const [command, ...first] = (process.env.PACELINE ?? 'paceline').split(' ');
/** One that finds nothing to do ends by itself; fewer than `min` are started again. */
const agentEnvironment = { PACELINE_AGENT_IDLE_TIMEOUT_SECONDS: '60', ...process.env };

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
    const { wanted } = JSON.parse(await paceline('pools', 'demand', group, '--json'));
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
    env: agentEnvironment,
    stdio: ['pipe', 'inherit', 'inherit'],
    detached: true,
  });
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
    const child = spawn(command, [...first, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    let errors = '';
    child.stdout.on('data', (text) => (output += text));
    child.stderr.on('data', (text) => (errors += text));
    child.once('error', reject);
    child.once('close', (code) => (code === 0 ? resolve(output) : reject(new Error(errors.trim()))));
  });
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
