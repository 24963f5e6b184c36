// A million lines of 100 bytes, the same on every machine; one in a hundred holds a secret, in one of its forms.
import { createWriteStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { once } from 'node:events';
import { join } from 'node:path';

const LINES = 1_000_000;
const LINE_BYTES = 100;

export async function writeLogFixture(directory) {
  const random = generator(42);
  const secrets = Array.from({ length: 10 }, () => word(random, 24));
  const file = join(directory, 'lines.txt');
  const present = await stat(file).catch(() => null);
  if (present?.size === LINES * LINE_BYTES) return { file, secrets };

  const forms = secrets.flatMap((secret) => [
    secret,
    Buffer.from(secret).toString('base64'),
    encodeURIComponent(secret),
  ]);
  const out = createWriteStream(file);
  let block = '';
  for (let n = 0; n < LINES; n++) {
    let line = `${String(n).padStart(7, '0')} `;
    if (n % 100 === 0) line += `token ${forms[(n / 100) % forms.length]} `;
    while (line.length < LINE_BYTES - 1) line += `${word(random, 3 + Math.floor(random() * 9))} `;
    block += `${line.slice(0, LINE_BYTES - 1)}\n`;
    if (block.length > 1 << 20) {
      if (!out.write(block)) await once(out, 'drain');
      block = '';
    }
  }
  out.end(block);
  await once(out, 'close');
  return { file, secrets };
}

function word(random, length) {
  const letters = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789';
  let text = '';
  for (let n = 0; n < length; n++) text += letters[Math.floor(random() * letters.length)];
  return text;
}

/** mulberry32: small, seeded, good enough for filler. */
function generator(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}
