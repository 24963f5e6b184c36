/** Watching against a server whose streams break where the test says. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { ServerResponse } from 'node:http';
import { followLog, WholeLines } from '../../src/cli/client/follow-log.ts';
import { runEvents } from '../../src/cli/client/run-events.ts';
import { ServerClient } from '../../src/cli/client/server-client.ts';
import { systemClock, type Clock } from '../../src/kernel/clock.ts';
import type { RunEvent } from '../../src/protocol/events.ts';
import { CommandLine } from './command-line.ts';
import { runEventsOf, runView, sse } from './run-views.ts';
import { json, refuse, ScriptedServer, type SeenRequest, TOKEN } from './scripted-server.ts';
import { Terminal } from './terminal.ts';

let line: CommandLine;
let server: ScriptedServer;
beforeAll(async () => {
  line = await CommandLine.open();
});
afterAll(() => line.close());
beforeEach(async () => {
  server = await ScriptedServer.open();
});
afterEach(() => server.close());

const EVENTS = '/v1/runs/12/events';
const LOG = '/v1/runs/12/jobs/build/steps/1/log';
const RUNNING = runView({ state: 'running', conclusion: null, completedAt: null });
/** Waits no time, and counts it. */
const HASTY: Clock = { ...systemClock, after: (_ms, callback) => systemClock.after(0, callback) };

function open(): Promise<ServerClient> {
  const choice = { url: server.url, token: TOKEN, tokenSource: 'the test' };
  const host = { environment: {}, version: '0.0.0' } as unknown as Parameters<typeof ServerClient.open>[1];
  return ServerClient.open(choice, host);
}

/** Sends it and ends the stream. */
const whole =
  (text: string) =>
  (_request: SeenRequest, response: ServerResponse): void => {
    response.writeHead(200, { 'content-type': 'text/event-stream' }).end(text);
  };

/** Sends it and breaks the connection. */
const broken =
  (text: string) =>
  (_request: SeenRequest, response: ServerResponse): void => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write(text, () => response.destroy());
  };

describe('events', () => {
  async function collect(): Promise<{ events: RunEvent[]; connection: (string | null)[] }> {
    const client = await open();
    const connection: (string | null)[] = [];
    const events: RunEvent[] = [];
    const { signal } = new AbortController();
    const onConnection = (lost: string | null): unknown => connection.push(lost === null ? null : 'lost');
    try {
      for await (const page of runEvents({ client, run: 12, clock: HASTY, signal, onConnection })) events.push(...page);
      return { events, connection };
    } finally {
      await client.close();
    }
  }

  it('go on after a drop where they were: none is missed, none comes twice', async () => {
    const all = runEventsOf('success');
    const half = sse(all.slice(2, 4), 3);
    server.on(`GET ${EVENTS}`, broken(sse(all.slice(0, 2))), broken(half + 'id: 5\nda'), whole(sse(all.slice(4), 5)));
    server.on('GET /v1/runs/12', runView());
    const { events, connection } = await collect();
    expect(events).toEqual(all);
    expect(server.requestsOf(`GET ${EVENTS}`).map(({ headers }) => headers['last-event-id'])).toEqual([
      undefined,
      '2',
      '4',
    ]);
    expect(connection).toEqual(['lost', null, 'lost', null]);
  });

  it('go on when a server that stops has ended the stream by itself', async () => {
    const all = runEventsOf('success');
    server.on(`GET ${EVENTS}`, whole(`retry: 1000\n\n${sse(all.slice(0, 3))}`), whole(sse(all.slice(3), 4)));
    server.on('GET /v1/runs/12', json(200, RUNNING), json(200, runView()));
    expect((await collect()).events).toEqual(all);
  });

  it('come through a server that is being started again', async () => {
    const all = runEventsOf('success');
    const away = refuse(503, 'unavailable', 'database', 'the store is being started again');
    server.on(`GET ${EVENTS}`, broken(sse(all.slice(0, 1))), away, away, whole(sse(all.slice(1), 2)));
    server.on('GET /v1/runs/12', runView());
    const { events, connection } = await collect();
    expect(events).toEqual(all);
    expect(connection).toEqual(['lost', 'lost', 'lost', null]);
  });

  it('of a run that is not there end in one sentence', async () => {
    server.on(`GET ${EVENTS}`, refuse(404, 'not_found', null, 'there is no run 12'));
    await expect(collect()).rejects.toMatchObject({
      name: 'CommandProblem',
      message: 'There is no run 12.',
      exitCode: 2,
    });
  });
});

describe('the log of a step', () => {
  it('goes on after a drop in the middle of a line, byte for byte', async () => {
    const log = 'first\nsecond line\nthird é\nlast';
    const from = (text: string) => (request: SeenRequest, response: ServerResponse) => {
      const line = Number(new URLSearchParams(request.path.split('?')[1]).get('from_line'));
      const rest = text
        .split('\n')
        .slice(line - 1)
        .join('\n');
      const isLast = text === log;
      (isLast ? whole : broken)(rest)(request, response);
    };
    server.on(`GET ${LOG}`, from('first\nsecond li'), from('first\nsecond line\nthi'), from(log));
    const client = await open();
    const chunks: Buffer[] = [];
    const place = { run: 12, job: 'build', step: 1 };
    const onBytes = (bytes: Buffer): unknown => chunks.push(Buffer.from(bytes));
    const { signal } = new AbortController();
    await followLog({ client, place, fromLine: 1, clock: HASTY, signal, onBytes });
    await client.close();
    expect(Buffer.concat(chunks).toString()).toBe(log);
    expect(server.seen.map(({ path }) => path.split('?')[1])).toEqual([
      'from_line=1&follow=true',
      'from_line=2&follow=true',
      'from_line=3&follow=true',
    ]);
  });

  it('becomes whole lines, the last one too', () => {
    const seen: string[] = [];
    const lines = new WholeLines((bytes) => seen.push(bytes.toString()));
    for (const part of ['a', 'b\nc', '\nd\ne', 'f']) lines.push(Buffer.from(part));
    lines.end();
    lines.end();
    expect(seen).toEqual(['ab\n', 'c\nd\n', 'ef\n']);
  });
});

describe('paceline runs watch', () => {
  it.each([
    ['success', 0],
    ['failure', 1],
  ] as const)('prints a run that ends in %s as `paceline run` does, and exits with %i', async (conclusion, code) => {
    server.on('GET /v1/runs/12', runView({ conclusion }));
    server.on(`GET ${EVENTS}`, whole(sse(runEventsOf(conclusion))));
    server.on(`GET ${LOG}`, whole('hello\nworld\n'));
    const { exitCode, stdout, stderr } = await line.run(['runs', 'watch', '12'], server.environment);
    expect(stderr).toBe('');
    expect(stdout.split('\n').slice(0, 6)).toEqual([
      'CI (ci.yml)',
      'build | started',
      'build/Build | hello',
      'build/Build | world',
      `build | Build: ${conclusion} in 2.5s${conclusion === 'failure' ? ' (exit code 3)' : ''}`,
      `build | ${conclusion} in 2.5s`,
    ]);
    expect(stdout).toMatch(new RegExp(`CI: ${conclusion} in 2\\.5s \\(1 job, 1 step\\)\\n$`));
    expect(exitCode).toBe(code);
  });

  it('shows the last time of a run that was made again', async () => {
    server.on('GET /v1/runs/12', runView({ attempt: 2 }));
    server.on(`GET ${EVENTS}`, whole(sse([...runEventsOf('failure'), ...runEventsOf('success')])));
    server.on(`GET ${LOG}`, whole('hello\n'));
    const { exitCode, stdout } = await line.run(['runs', 'watch', '12'], server.environment);
    expect(stdout).not.toContain('failure');
    expect(exitCode).toBe(0);
  });

  it('draws the live view on a terminal; Ctrl-C stops watching and nothing else, and says so', async () => {
    server.on('GET /v1/runs/12', RUNNING);
    server.on(`GET ${EVENTS}`, (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(sse(runEventsOf('success').slice(0, 3)));
    });
    server.on(`GET ${LOG}`, (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/plain', 'x-log-lines': '1' });
      response.write('still at work\n');
    });
    const terminal = new Terminal(line, ['runs', 'watch', '12'], { columns: 80, rows: 20 }, server.environment);
    await terminal.sent('still at work');
    terminal.interrupt();
    expect(await terminal.exited).toBe(3);
    const shown = terminal.screen.shown.map((text) => text.replace(/(?<=\S) +/g, ' '));
    expect(shown).toEqual([
      expect.stringMatching(/^CI /),
      expect.stringMatching(/^\S build /),
      expect.stringMatching(/^ {3}\S Build .* still at work$/),
      expect.stringMatching(/^Stopped watching; run 12 goes on\. `paceline runs watch 12` comes back,/),
    ]);
    expect(server.seen.filter(({ method }) => method !== 'GET')).toEqual([]);
  });
});

describe('paceline runs logs -f', () => {
  it('prints every line with job and step until the run has ended', async () => {
    server.on('GET /v1/runs/12', runView());
    server.on(`GET ${EVENTS}`, whole(sse(runEventsOf('success'))));
    server.on(`GET ${LOG}`, whole('hello\nworld\n'));
    const { exitCode, stdout } = await line.run(['runs', 'logs', '12', '-f'], server.environment);
    expect([exitCode, stdout]).toEqual([0, 'build\t1 Build\thello\nbuild\t1 Build\tworld\n']);
  });
});
