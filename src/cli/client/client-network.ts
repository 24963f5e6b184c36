import { resolve } from 'node:path';
import type { NetworkSettings } from '../../kernel/open-dispatcher.ts';
import { proxySettingsOf } from '../../kernel/proxy-choice.ts';
import type { CliHost } from '../cli-host.ts';
import { places } from '../places.ts';
import { readLogin } from './login-file.ts';

/**
 * How commands reach a server: proxies and certificates of the environment, else those of the login at that address.
 * Never those of a configuration file in the current folder: it may have come with somebody's repository, and would
 * say whom to trust.
 */
export function clientNetwork(server: string, host: Pick<CliHost, 'environment' | 'directory'>): NetworkSettings {
  const { environment, directory } = host;
  const login = readLogin(places(host).loginFile);
  const kept = login?.server === server ? login.tls : undefined;
  const file = (variable: string, known: string | null | undefined): string | null => {
    const given = environment[variable];
    return given ? resolve(directory, given) : (known ?? null);
  };
  return {
    proxy: proxySettingsOf(environment),
    tls: {
      caFile: file('PACELINE_CA_FILE', kept?.caFile),
      clientCertificateFile: file('PACELINE_CLIENT_CERTIFICATE_FILE', kept?.clientCertificateFile),
      clientKeyFile: file('PACELINE_CLIENT_KEY_FILE', kept?.clientKeyFile),
      extraCaFile: environment.NODE_EXTRA_CA_CERTS || null,
    },
  };
}
