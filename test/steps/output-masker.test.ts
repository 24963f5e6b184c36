import { describe, expect, it } from '@jest/globals';
import { Masker } from '../../src/steps/masker.ts';

function maskerOf(...secrets: string[]): Masker {
  const masker = new Masker();
  for (const secret of secrets) masker.addSecret(secret);
  return masker;
}

const base64 = (text: string): string => Buffer.from(text).toString('base64');

describe('what is masked', () => {
  const cases: [name: string, secrets: string[], text: string, masked: string][] = [
    ['every occurrence', ['hunter2'], 'hunter2, hunter22 and myhunter2', '***, ***2 and my***'],
    ['nothing without secrets', [], 'hunter2', 'hunter2'],
    ['case counts', ['hunter2'], 'Hunter2', 'Hunter2'],
    ['the value is trimmed', ['  hunter2\n'], 'hunter2', '***'],
    ['a blank secret masks nothing', ['  ', '', '\n'], 'a b', 'a b'],
    ['hits that touch become one', ['abcd', 'efgh'], 'x abcdefgh y', 'x *** y'],
    ['hits that overlap become one', ['abcdef', 'defghi'], 'abcdefghi', '***'],
    ['a hit inside of another', ['abcdefgh', 'cdef'], 'abcdefgh cdef', '*** ***'],
    ['a secret that overlaps itself', ['abab'], 'ababab', '***'],
    ['the longest of those that start together', ['abcd', 'abcdefgh'], 'abcdefgh', '***'],
    ['text beyond ASCII', ['pässwörd😀'], 'das pässwörd😀!', 'das ***!'],
    ['a quoted secret without its quotes', ['"in quotes"'], 'in quotes', '***'],
    ['but not a short one', ['"short"'], 'short', 'short'],
    ['escaped for quotes', ['say "hi"'], 'say \\"hi\\"', '***'],
    ['escaped for an expression', ["it's me"], "it''s me", '***'],
    ['escaped for JSON', ['a\tb\\c"d'], '{"x":"a\\tb\\\\c\\"d"}', '{"x":"***"}'],
    [
      'escaped for a URI',
      ['p@ss w/rd!'],
      'https://u:p%40ss%20w%2Frd%21@h and p%40ss%20w%2Frd!',
      'https://u:***@h and ***',
    ],
    ['escaped for XML', ['a<b>&"c\''], '<v>a&lt;b&gt;&amp;&quot;c&apos;</v>', '<v>***</v>'],
    ['both parts of PowerShell', ['part01&part02&part03'], 'part01&part02& … part03', '*** … ***'],
    ['both parts around &+', ['part01&+part02&part03'], 'part01&+ … art02&part03', '*** … ***'],
    ['no PowerShell parts under six characters', ['part0&abc'], 'abc part0', 'abc part0'],
    ['base64', ['hunter2!'], base64('hunter2!'), '***'],
    [
      'base64 url',
      ['\u00ff\u00fe\u00fb\u00ef??>>'],
      Buffer.from('\u00ff\u00fe\u00fb\u00ef??>>').toString('base64url'),
      '***',
    ],
    ['base64 without padding', ['hunter2!'], base64('hunter2!').replaceAll('=', ''), '***'],
    ['a NUL in a secret', ['ab\0cd'], 'x ab\0cd', 'x ***'],
    ['a replacement that looks like a secret', ['***', 'hunter2'], 'hunter2 *', '*** *'],
  ];
  it.each(cases)('%s', (_, secrets, text, masked) => expect(maskerOf(...secrets).mask(text)).toBe(masked));
});

describe('values under four characters', () => {
  const cases: [name: string, secret: string, text: string, masked: string][] = [
    ['whole words only', 'ab', 'ab cab abc (ab) "ab" ab-c _ab', '*** cab abc (***) "***" ***-c _ab'],
    ['one character', '1', '1 11 v1 1.1 x=1', '*** 11 v1 ***.*** x=***'],
    ['letters beyond ASCII are letters', 'ab', 'äb äab abß ab', 'äb äab abß ***'],
    ['three characters of many bytes', '日本語', '日本語 日本語版 x', '*** 日本語版 x'],
    ['without a letter: between blanks', '!?', '!? a!? (!?) !?', '*** a!? (!?) ***'],
    ['at the ends of lines', 'ab', 'ab\nab\n', '***\n***\n'],
    ['their base64 as a word too', 'abc', 'YWJj xYWJj YWJj=', '*** xYWJj ***='],
  ];
  it.each(cases)('%s', (_, secret, text, masked) => expect(maskerOf(secret).mask(text)).toBe(masked));

  it('four characters are masked anywhere', () => expect(maskerOf('abcd').mask('xabcdx')).toBe('x***x'));
});

describe('secrets of several lines', () => {
  it('are masked as a whole and line by line, line breaks kept', () => {
    const masker = maskerOf('first line\r\n  second line\nok\n');
    expect(masker.mask('first line\n  second line\nok')).toBe('***\n***\n***');
    expect(masker.mask('first line\n  second line\nokay')).toBe('***\n***\n***ay');
    expect(masker.mask('the second line.')).toBe('the ***.');
    expect(masker.mask('ok, looks good')).toBe('***, looks good');
  });

  it('do not mask lines of one character, nor short ones without letter or digit', () => {
    const masker = maskerOf('server [\n  x\n};\npassword9\n---\n]');
    expect(masker.mask('x }; --- ] password9')).toBe('x }; --- ] ***');
  });

  it('are masked in base64 with either line break', () => {
    const masker = maskerOf('first line\r\nsecond line');
    expect(masker.mask(base64('first line\nsecond line'))).toBe('***');
    expect(masker.mask(base64('first line\r\nsecond line'))).toBe('***');
  });

  it('are masked in JSON', () => {
    expect(maskerOf('first\nsecond').mask(JSON.stringify({ key: 'first\nsecond' }))).toBe('{"key":"***"}');
  });
});

describe('structured secrets', () => {
  const json = JSON.stringify(
    {
      user: 'al',
      password: 'hunter2',
      pin: 12,
      port: 54321,
      on: true,
      none: null,
      list: ['elem1', { deep: 'deep1' }],
      big: 0,
    },
    null,
    2,
  ).replace('"big": 0', '"big": 12345678901234567890');

  it.each([
    ['strings', 'hunter2 elem1 deep1', '*** *** ***'],
    ['short strings as words', 'al algebra', '*** algebra'],
    ['long numbers as they are spelled', 'port 54321, 12345678901234567890', 'port ***, ***'],
    ['no short numbers', '12 items', '12 items'],
    ['no words of the language', 'true null', 'true null'],
    ['no braces and no keys', '{ } [ ] {} "password":', '{ } [ ] {} "password":'],
    ['a leaf in base64', base64('hunter2'), '***'],
  ])('JSON by its leaves: %s', (_, text, masked) => expect(maskerOf(json).mask(text)).toBe(masked));

  it('as a whole too', () => {
    const compact = JSON.stringify(JSON.parse(json.replace('12345678901234567890', '1')));
    expect(maskerOf(compact).mask(`key ${compact}`)).toBe('key ***');
    expect(maskerOf(json).mask(json).replace(/[*\n]/g, '')).toBe('');
    expect(maskerOf(json).mask(base64(json))).toBe('***');
  });

  it('YAML by its leaves', () => {
    const masker = maskerOf(
      'user: admin1\npassword: "hun\'ter2" # why\nports:\n  - 8443\n  - 1\nkey: |\n  line one\n  line two\n',
    );
    expect(masker.mask("admin1 hun'ter2 8443 1 line one line two password ports")).toBe(
      '*** *** *** 1 *** *** password ports',
    );
  });

  it('a YAML flow on one line', () => {
    expect(maskerOf('{user: admin1, password: hunter2}').mask('admin1 hunter2 user')).toBe('*** *** user');
  });

  it('JSON inside of JSON', () => {
    const inner = JSON.stringify({ token: 'tok-123' });
    expect(maskerOf(JSON.stringify({ inner })).mask('tok-123')).toBe('***');
  });

  it('an empty one masks nothing', () => expect(maskerOf('{}', '[]').mask('{} []')).toBe('{} []'));

  it.each([
    ['one line with a colon', 'user: password', 'user: *** user: password'],
    ['what only begins like JSON', '{not json', '{ {not json'],
    ['a PEM key', '-----BEGIN X-----\nabcdefgh\nijkl\n-----END X-----', '-----BEGIN X-----'],
  ])('%s is no structure', (_, secret, text) => {
    const masker = maskerOf(secret);
    expect(masker.mask(secret).replace(/\n/g, '')).toMatch(/^(\*\*\*)+$/);
    expect(masker.mask(text)).toContain('***');
  });
});

describe('many and long secrets', () => {
  it('ten thousand added one by one are all masked, each from the moment it was added', () => {
    const masker = new Masker();
    for (let n = 0; n < 10_000; n++) {
      const secret = `secret-value-${String(n).padStart(5, '0')}`;
      if (n % 100 === 0) expect(masker.mask(`<${secret}>`)).toBe(`<${secret}>`);
      masker.addSecret(secret);
      expect(masker.mask(`<${secret}>`)).toBe('<***>');
    }
    expect(masker.mask('secret-value-00000 secret-value-09999 secret-value-10000')).toBe('*** *** secret-value-10000');
  });

  it('a value of 100 kB is one hit, and its reach stays small', () => {
    const secret = Array.from({ length: 10_000 }, (_, n) => `k${String(n).padStart(9, '0')}`).join('');
    const masker = maskerOf(secret);
    expect(masker.mask(`a ${secret} b`)).toBe('a *** b');
    expect(masker.reachBytes).toBeLessThan(5_000);
  });

  it('a value of 20 kB is one hit in base64 as well', () => {
    const secret = Array.from({ length: 2_000 }, (_, n) => `k${String(n).padStart(9, '0')}`).join('');
    expect(maskerOf(secret).mask(base64(`abc${secret}`))).toBe('YWJj***');
  });
});
