import { BlockList, isIP } from 'node:net';

/** As in http_proxy, https_proxy, no_proxy; null: none. */
export interface ProxySettings {
  readonly http: string | null;
  readonly https: string | null;
  readonly no: string | null;
}

/**
 * How a URL is reached. `why` is half a sentence for people.
 *
 * `url` may hold a name and a password: it is for connecting alone, `shown` is for people.
 */
export type ProxyChoice =
  | { readonly kind: 'direct'; readonly why: string }
  | { readonly kind: 'proxy'; readonly url: string; readonly shown: string; readonly why: string }
  /** The variable holds no address; what it holds is not repeated, for there may be a password in it. */
  | { readonly kind: 'invalid'; readonly why: string };

/** The lower-case spelling counts first, as in curl and GitHub's runner. An empty variable is none. */
export function proxySettingsOf(environment: Readonly<Record<string, string | undefined>>): ProxySettings {
  const of = (name: string): string | null => environment[name] || environment[name.toUpperCase()] || null;
  return { http: of('http_proxy'), https: of('https_proxy'), no: of('no_proxy') };
}

/**
 * Which proxy a URL is reached by. Each scheme has its variable. Loopback never has a proxy. `no_proxy` lists hosts,
 * separated by commas or spaces: `example.org` and `example.org:8443` mean its sub-domains too, `.example.org` and
 * `*.example.org` these alone, `10.0.0.0/8` a network, `*` everything.
 */
export function chooseProxy(url: URL, settings: ProxySettings): ProxyChoice {
  const isSecure = url.protocol === 'https:';
  const variable = isSecure ? 'https_proxy' : 'http_proxy';
  const given = isSecure ? settings.https : settings.http;
  if (given === null) return { kind: 'direct', why: `${variable} is not set` };
  const host = hostOf(url);
  if (isLoopback(host)) return { kind: 'direct', why: `${host} is this machine` };
  const entry = (settings.no ?? '').split(/[\s,]+/).find((one) => one !== '' && matches(one, host, portOf(url)));
  if (entry !== undefined) return { kind: 'direct', why: `no_proxy has ${entry}` };
  const proxy = proxyUrl(given);
  if (proxy === null)
    return { kind: 'invalid', why: `${variable} is no address of a proxy; expected http://HOST:PORT` };
  return { kind: 'proxy', url: proxy.href, shown: shownProxy(proxy), why: `${variable} is set` };
}

/** An address as people may see it: without what opens it. */
export function shownProxy(url: URL): string {
  const isOpened = url.username !== '' || url.password !== '';
  return `${url.protocol}//${isOpened ? '***@' : ''}${url.host}`;
}

/** Name and password of each proxy, as they stand in the address and as they are meant: none may be seen in a log. */
export function proxyPasswords({ http, https }: ProxySettings): string[] {
  const passwords = [http, https].flatMap((given) => {
    const password = given === null ? '' : (proxyUrl(given)?.password ?? '');
    return password === '' ? [] : [password, decoded(password)];
  });
  return [...new Set(passwords)];
}

const SCHEMES = ['http:', 'https:'];

/** A proxy may be named without a scheme: `proxy:3128`. */
function proxyUrl(text: string): URL | null {
  const whole = text.includes('://') ? text : `http://${text}`;
  const url = URL.canParse(whole) ? new URL(whole) : null;
  return url !== null && SCHEMES.includes(url.protocol) && url.hostname !== '' ? url : null;
}

function hostOf({ hostname }: URL): string {
  return hostname.replace(/^\[(.*)\]$/, '$1').toLowerCase();
}

function portOf({ port, protocol }: URL): number {
  return port === '' ? (protocol === 'https:' ? HTTPS_PORT : HTTP_PORT) : Number(port);
}

const HTTP_PORT = 80;
const HTTPS_PORT = 443;

function isLoopback(host: string): boolean {
  return host === 'localhost' || host.endsWith('.localhost') || host === '::1' || /^127(?:\.\d+){3}$/.test(host);
}

function matches(entry: string, host: string, port: number): boolean {
  if (entry === '*') return true;
  const [, address = entry, length] = /^(.+)\/(\d+)$/.exec(entry) ?? [];
  if (length !== undefined) return isInside(host, address, Number(length));
  const [, named = entry, ofPort] = /^(\[.+\]|[^:]+):(\d+)$/.exec(entry) ?? [];
  if (ofPort !== undefined && Number(ofPort) !== port) return false;
  const name = named.replace(/^\[(.*)\]$/, '$1').toLowerCase();
  const [, suffix] = /^\*?\.(.+)$/.exec(name) ?? [];
  if (suffix !== undefined) return host.endsWith(`.${suffix}`);
  return host === name || (isIP(host) === 0 && host.endsWith(`.${name}`));
}

function isInside(host: string, network: string, length: number): boolean {
  const version = isIP(host);
  if (version === 0 || version !== isIP(network)) return false;
  const family = version === 4 ? 'ipv4' : 'ipv6';
  if (length > (version === 4 ? 32 : 128)) return false;
  const list = new BlockList();
  list.addSubnet(network, length, family);
  return list.check(host, family);
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // A percent sign that means itself.
    return text;
  }
}
