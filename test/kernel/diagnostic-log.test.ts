import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { openDiagnosticLog, SILENT_LOG, type DiagnosticLevel } from '../../src/kernel/diagnostic-log.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'paceline-log-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function written(file: string): Promise<Record<string, unknown>[]> {
  const text = await readFile(file, 'utf8');
  return text
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

describe('the diagnostic log', () => {
  it('writes one JSON object a line, complete when it is closed', async () => {
    const file = join(folder, 'lines.log');
    const log = await openDiagnosticLog({ level: 'info', file });
    log.info('first', { job: 'build', step: 3 });
    log.warn('second');
    await log.close();
    await log.close();
    expect(await written(file)).toEqual([
      { level: 'info', message: 'first', job: 'build', step: 3, timestamp: expect.any(String) },
      { level: 'warn', message: 'second', timestamp: expect.any(String) },
    ]);
  });

  it.each<[DiagnosticLevel, string[]]>([
    ['error', ['error']],
    ['warn', ['error', 'warn']],
    ['debug', ['error', 'warn', 'info', 'debug']],
  ])('at level %s has %j', async (level, expected) => {
    const file = join(folder, `${level}.log`);
    const log = await openDiagnosticLog({ level, file });
    for (const each of ['error', 'warn', 'info', 'debug'] as const) log[each]('said');
    await log.close();
    expect((await written(file)).map((line) => line.level)).toEqual(expected);
  });

  it('masks message and fields with what every log around a child masks', async () => {
    const file = join(folder, 'masked.log');
    const log = await openDiagnosticLog({ level: 'info', file });
    const job = log.child({ job: 'a-secret' }, (text) => text.replaceAll('secret', '***'));
    job.child({ step: 1 }, (text) => text.replaceAll('token', '***')).info('secret and token', { path: '/secret' });
    await log.close();
    expect(await written(file)).toMatchObject([{ message: '*** and ***', job: 'a-***', step: 1, path: '/***' }]);
  });

  it('that cannot be written ends nothing', async () => {
    const log = await openDiagnosticLog({ level: 'info', file: '/dev/full' });
    log.info('lost');
    await expect(log.close()).resolves.toBeUndefined();
  });

  it('that is off is silent, whoever asks it for a child', async () => {
    expect(await openDiagnosticLog({ level: 'off', file: join(folder, 'none') })).toBe(SILENT_LOG);
    expect(SILENT_LOG.child({ job: 'a' }, (text) => text)).toBe(SILENT_LOG);
  });

  it('goes to standard error, not to standard output', async () => {
    const script = `
      import { openDiagnosticLog } from ${JSON.stringify(join(folder, 'diagnostic-log.mjs'))};
      const log = await openDiagnosticLog({ level: 'info', file: null });
      log.info('said');
      await log.close();
    `;
    const { build } = await import('esbuild');
    await build({
      entryPoints: ['src/kernel/diagnostic-log.ts'],
      outfile: join(folder, 'diagnostic-log.mjs'),
      bundle: true,
      platform: 'node',
      format: 'esm',
      banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
      logLevel: 'silent',
    });
    const { stdout, stderr } = await run(process.execPath, ['--input-type=module', '-e', script]);
    expect(stdout).toBe('');
    expect(JSON.parse(stderr)).toMatchObject({ level: 'info', message: 'said' });
  });
});

function run(command: string, args: readonly string[]): Promise<{ stdout: string; stderr: string }> {
  return new Promise((resolve, reject) => {
    execFile(command, args, (error, stdout, stderr) => {
      if (error) reject(new Error(stderr, { cause: error }));
      else resolve({ stdout, stderr });
    });
  });
}
