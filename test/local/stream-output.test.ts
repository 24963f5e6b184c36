import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { MAX_QUEUED_BYTES, StreamOutput } from '../../src/local/stream-output.ts';

/** A reader that takes a chunk only when it is told to. */
class SlowReader extends Writable {
  readonly taken: Buffer[] = [];
  #next: (() => void) | null = null;
  #open = false;

  override _write(chunk: Buffer, _: BufferEncoding, done: () => void): void {
    this.taken.push(chunk);
    if (this.#open) done();
    else this.#next = done;
  }

  /** From now on everything is taken at once. */
  read(): void {
    this.#open = true;
    this.#next?.();
    this.#next = null;
  }

  get text(): string {
    return Buffer.concat(this.taken).toString();
  }
}

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'paceline-output-test-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe('output to a slow reader', () => {
  it('is kept in order and whole, with little of it in memory and nothing left on disk', async () => {
    const reader = new SlowReader();
    const output = new StreamOutput(reader, folder);
    const line = `${'x'.repeat(1_000)}\n`;
    const count = 5 * Math.ceil(MAX_QUEUED_BYTES / 1_000);
    for (let n = 0; n < count; n++) output.write(`${String(n)} ${line}`);
    expect(reader.writableLength).toBeLessThan(MAX_QUEUED_BYTES + 2 * line.length);
    expect(await readdir(folder)).toEqual([]);
    reader.read();
    await output.flush();
    const lines = reader.text.split('\n');
    expect(lines.length - 1).toBe(count);
    lines.slice(0, -1).forEach((text, n) => expect(text.startsWith(`${String(n)} x`)).toBe(true));
  });

  it('stays in memory where the disk takes nothing', async () => {
    const reader = new SlowReader();
    const output = new StreamOutput(reader, join(folder, 'missing'));
    const block = 'y'.repeat(MAX_QUEUED_BYTES);
    for (let n = 0; n < 3; n++) output.write(`${String(n)}${block}`);
    reader.read();
    await output.flush();
    expect(reader.text.replaceAll('y', '')).toBe('012');
  });

  it('takes strings and bytes, also characters of several bytes', async () => {
    const reader = new SlowReader();
    const output = new StreamOutput(reader, folder);
    output.write('ä');
    output.write(Buffer.from('日\n'));
    output.write('');
    reader.read();
    await output.flush();
    expect(reader.text).toBe('ä日\n');
  });
});

describe('output to a reader that went away', () => {
  it('is dropped without an error, and flushing does not hang', async () => {
    const reader = new SlowReader();
    const output = new StreamOutput(reader, folder);
    const block = 'z'.repeat(MAX_QUEUED_BYTES);
    for (let n = 0; n < 3; n++) output.write(block);
    const flushed = output.flush();
    reader.destroy(Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }));
    await flushed;
    output.write('more');
    await output.flush();
    expect(reader.text).not.toContain('more');
  });
});
