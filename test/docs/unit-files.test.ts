/** The units and drop-ins that the documents show, as systemd reads them. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { describeProgram } from '../support/describe-program.ts';

const docs = fileURLToPath(new URL('../../docs/', import.meta.url));
const units = readdirSync(docs)
  .filter((name) => name.endsWith('.md'))
  .flatMap((name) => {
    const blocks = readFileSync(join(docs, name), 'utf8').matchAll(/^( *)```ini\n([\s\S]*?)^ *```$/gm);
    return [...blocks].map(
      ([, indent, block]) => [name, block!.replaceAll(new RegExp(`^${indent!}`, 'gm'), '')] as const,
    );
  })
  .filter(([, block]) => block.includes('[Service]'));

describeProgram('systemd-analyze', 'the units in the documents', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'paceline-units-'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it.each(units)('in %s are understood, every line', (_name, block) => {
    const unit = block.replace(/^ExecStart=\S+/m, 'ExecStart=/bin/true');
    // A drop-in has what is started from the unit that it is for.
    const whole = unit.includes('ExecStart=') ? unit : `${unit}\n[Service]\nExecStart=/bin/true\n`;
    const file = join(folder, 'shown.service');
    writeFileSync(file, whole);
    const { status, stderr } = spawnSync('systemd-analyze', ['verify', '--man=no', file], { encoding: 'utf8' });
    expect({ status, said: stderr.split('\n').filter((line) => line.includes('shown.service')) }).toEqual({
      status: 0,
      said: [],
    });
  });

  it('a line that is none would be found', () => {
    const file = join(folder, 'wrong.service');
    writeFileSync(file, '[Service]\nExecStart=/bin/true\nProtectSytem=full\n');
    const { stderr } = spawnSync('systemd-analyze', ['verify', '--man=no', file], { encoding: 'utf8' });
    expect(stderr).toMatch(/wrong\.service:3: Unknown key .*'ProtectSytem'/);
  });
});
