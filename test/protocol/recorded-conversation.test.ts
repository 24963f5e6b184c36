/**
 * The conversation of version 1 of the protocol, as a server of this release had it with an agent, against the server as
 * it is now. A difference means that agents of this release would be answered in another way: change the protocol so that
 * they are not, or raise its version. `PACELINE_RECORD=1` records anew, for what is not released yet.
 */
import { generateKeyPairSync } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { PROTOCOL_VERSION } from '../../src/protocol/version.ts';
import { ControlPlane } from '../support/control-plane.ts';
import { type Conversation, type Exchange, Speaker } from '../support/conversation.ts';
import { conversationScript, type Line } from './conversation-script.ts';

const FILE = new URL('../conformance/protocol/v1.json', import.meta.url);
const WORKFLOW = 'on: push\njobs:\n  job:\n    runs-on: self-hosted\n    steps:\n      - run: echo text\n';

type Entry = ({ readonly kind: 'said' } & Exchange) | { readonly kind: 'submit'; readonly what: string };
type Recording = Omit<Conversation, 'exchanges'> & { readonly exchanges: readonly Entry[] };

let plane: ControlPlane;
beforeAll(async () => {
  plane = await ControlPlane.open({ config: { server: { pollSeconds: 0.5 } } });
  await plane.startServer();
}, 60_000);
afterAll(() => plane.close());

describe('the recorded conversation', () => {
  it('goes as it went when it was recorded', async () => {
    if (process.env.PACELINE_RECORD === '1') await writeFile(FILE, `${JSON.stringify(await record(), null, 2)}\n`);
    const recording = JSON.parse(await readFile(FILE, 'utf8')) as Recording;
    expect(recording.protocol).toBe(PROTOCOL_VERSION);
    const speaker = new Speaker(plane.url, recording.keys);
    speaker.values.set('registration', await registration());
    for (const entry of recording.exchanges) {
      if (entry.kind === 'submit') {
        await plane.submit(WORKFLOW);
        continue;
      }
      const response = await speaker.say(entry.request, entry.names);
      expect({ what: entry.what, ...response }).toEqual({ what: entry.what, ...entry.response });
    }
  }, 60_000);
});

async function record(): Promise<Recording> {
  const signing = generateKeyPairSync('ed25519');
  const sealing = generateKeyPairSync('x25519');
  const keys = {
    sign: signing.privateKey.export({ type: 'pkcs8', format: 'der' }).toString('base64'),
    public: signing.publicKey.export({ type: 'spki', format: 'der' }).toString('base64'),
    seal: sealing.publicKey.export({ type: 'spki', format: 'der' }).toString('base64'),
  };
  const speaker = new Speaker(plane.url, keys);
  speaker.values.set('registration', await registration());
  const exchanges: Entry[] = [];
  for (const line of conversationScript(keys.public, keys.seal)) exchanges.push(await perform(line, speaker));
  // The name is to be had again.
  const { runners } = await plane.request<{ runners: { id: string }[] }>('GET', '/v1/runners');
  for (const { id } of runners) await plane.request('DELETE', `/v1/runners/${id}`);
  const { runs } = await plane.request<{ runs: { id: number; state: string }[] }>('GET', '/v1/runs');
  for (const { id, state } of runs) if (state !== 'completed') await plane.request('POST', `/v1/runs/${id}/cancel`, {});
  return { protocol: PROTOCOL_VERSION, keys, exchanges };
}

async function perform(line: Line, speaker: Speaker): Promise<Entry> {
  if (line.kind === 'submit') {
    await plane.submit(WORKFLOW);
    return line;
  }
  const { what, request, names } = line;
  return { kind: 'said', what, request, response: await speaker.say(request, names), names };
}

async function registration(): Promise<string> {
  const request = { name: 'recording', kind: 'registration', expiresSeconds: 600 };
  return (await plane.request<{ token: string }>('POST', '/v1/tokens', request)).token;
}
