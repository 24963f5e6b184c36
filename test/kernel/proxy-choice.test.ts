import { describe, expect, it } from '@jest/globals';
import { chooseProxy, proxyPasswords, proxySettingsOf } from '../../src/kernel/proxy-choice.ts';

const PROXY = 'http://proxy:3128';

function isDirect(url: string, no: string): boolean {
  return chooseProxy(new URL(url), { http: PROXY, https: PROXY, no }).kind === 'direct';
}

describe('no_proxy', () => {
  it.each([
    ['https://ci.example.org', 'example.org', true],
    ['https://example.org', 'example.org', true],
    ['https://badexample.org', 'example.org', false],
    ['https://example.org', '.example.org', false],
    ['https://ci.example.org', '.example.org', true],
    ['https://ci.example.org', '*.example.org', true],
    ['https://CI.example.org', 'ci.EXAMPLE.org', true],
    ['https://ci.example.org', 'a, b  ci.example.org', true],
    ['https://ci.example.org', 'ci.example.org:443', true],
    ['https://ci.example.org:8443', 'ci.example.org:443', false],
    ['http://ci.example.org', 'ci.example.org:80', true],
    ['https://ci.example.org', '*', true],
    ['https://10.1.2.3', '10.0.0.0/8', true],
    ['https://11.1.2.3', '10.0.0.0/8', false],
    ['https://10.1.2.3', '10.1.2.3', true],
    ['https://110.1.2.3', '10.1.2.3', false],
    ['https://[2001:db8::5]', '2001:db8::/32', true],
    ['https://[2001:db8::5]:8443', '[2001:db8::5]:8443', true],
    ['https://ci.example.org', '10.0.0.0/99', false],
    ['https://ci.example.org', '', false],
  ])('%s with no_proxy=%s goes past the proxy: %s', (url, no, direct) => {
    expect(isDirect(url, no)).toBe(direct);
  });

  it.each(['http://127.0.0.1:7380', 'http://localhost', 'http://[::1]:80', 'http://127.9.9.9', 'http://a.localhost'])(
    '%s is this machine and never has a proxy',
    (url) => {
      expect(isDirect(url, '')).toBe(true);
    },
  );
});

describe('the proxy of an address', () => {
  it('is that of its scheme alone', () => {
    const settings = { http: PROXY, https: null, no: null };
    expect(chooseProxy(new URL('https://ci.test'), settings)).toEqual({
      kind: 'direct',
      why: 'https_proxy is not set',
    });
    expect(chooseProxy(new URL('http://ci.test'), settings)).toMatchObject({
      kind: 'proxy',
      url: 'http://proxy:3128/',
    });
  });

  it('may be named without a scheme, and in capitals, which count less', () => {
    expect(proxySettingsOf({ HTTPS_PROXY: 'upper:1', https_proxy: '', no_proxy: 'a', NO_PROXY: 'b' })).toEqual({
      http: null,
      https: 'upper:1',
      no: 'a',
    });
    const settings = { http: null, https: 'proxy:3128', no: null };
    expect(chooseProxy(new URL('https://ci.test'), settings)).toMatchObject({
      kind: 'proxy',
      shown: 'http://proxy:3128',
    });
  });

  it('is shown without its name and password, which are known for masking in both spellings', () => {
    const settings = { http: null, https: 'http://user:p%40ss@proxy:3128', no: null };
    const choice = chooseProxy(new URL('https://ci.test'), settings);
    expect(choice).toMatchObject({ kind: 'proxy', shown: 'http://***@proxy:3128' });
    expect(proxyPasswords(settings)).toEqual(['p%40ss', 'p@ss']);
  });

  it('is refused without repeating it when it is no address', () => {
    const choice = chooseProxy(new URL('https://ci.test'), { http: null, https: 'socks5://u:secret@h:1', no: null });
    expect(choice.kind).toBe('invalid');
    expect(JSON.stringify(choice)).not.toContain('secret');
  });
});
