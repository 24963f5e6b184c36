import { describe, expect, it } from '@jest/globals';
import { parseDotenv, withDotenv } from '../../src/worker/parse-dotenv.ts';

describe('.env', () => {
  it.each([
    ['the first = splits', 'A=b=c', { A: 'b=c' }],
    ['nothing is trimmed', ' A = b ', { ' A ': ' b ' }],
    ['there is no quoting', `A="b c"\nB='d'`, { A: '"b c"', B: "'d'" }],
    ['there are no comments', '#A=b # c', { '#A': 'b # c' }],
    ['nothing is expanded', 'A=$B ${C}', { A: '$B ${C}' }],
    ['blank lines are skipped', '\nA=b\n\n   \nB=c\n', { A: 'b', B: 'c' }],
    ['a line without = is skipped', 'A\nB=c', { B: 'c' }],
    ['a line that begins with = is skipped', '=A\nB=c', { B: 'c' }],
    ['an empty value unsets', 'A=\nB=c', { A: null, B: 'c' }],
    ['the last of several counts', 'A=b\nA=c', { A: 'c' }],
    ['every line break ends a line', 'A=b\r\nB=c\rC=d', { A: 'b', B: 'c', C: 'd' }],
    ['a byte order mark is no part of a key', '\uFEFFA=b', { A: 'b' }],
    ['a key like that of a prototype is a key', '__proto__=a', JSON.parse('{"__proto__":"a"}')],
  ])('%s', (_, text, expected) => {
    expect(Object.fromEntries(parseDotenv(text))).toEqual(expected);
  });

  it('goes over the environment of the process', () => {
    const dotenv = parseDotenv('B=from the file\nC=');
    expect(withDotenv({ A: '1', B: '2', C: '3' }, dotenv)).toEqual({ A: '1', B: 'from the file' });
  });
});
