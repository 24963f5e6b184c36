import type { NetworkSettings } from './open-dispatcher.ts';

/**
 * Why there was no connection, for people: what is wrong, and where it is cured. Without a full stop.
 *
 * @param mayWantCertificate See {@link mayWantClientCertificate}.
 */
export function connectionProblem(error: unknown, mayWantCertificate: boolean): string {
  const { code, message, name } = deepestOf(error as Failure);
  if (code !== undefined && CUT_CODES.includes(code) && mayWantCertificate)
    return `the connection was cut: a server that asks for a client certificate does that; ${CLIENT_WAY_OUT}`;
  return tlsProblem(code ?? '', message ?? '') ?? (message || name || String(error));
}

/**
 * With TLS 1.3 a client takes its connection for open before the server has looked at its certificate: what it sends
 * then may hide the server's word on what is missing.
 */
export function mayWantClientCertificate(server: string, { tls }: NetworkSettings): boolean {
  return server.startsWith('https:') && tls.clientCertificateFile === null;
}

const CUT_CODES = ['ECONNRESET', 'EPIPE', 'UND_ERR_SOCKET'];

/** What is thrown may be of another realm: told by its looks. */
interface Failure {
  readonly code?: string;
  readonly message?: string;
  readonly name?: string;
  readonly cause?: Failure;
  readonly errors?: readonly Failure[];
}

/** The deepest cause says what it was: `connect ECONNREFUSED 127.0.0.1:7380`. */
function deepestOf(error: Failure): Failure {
  const below = error.cause ?? error.errors?.[0];
  return below === undefined ? error : deepestOf(below);
}

const CA_WAY_OUT =
  "give its authority's certificate by agent.caFile or PACELINE_CA_FILE, or add it to those that the system trusts";
const CLIENT_WAY_OUT =
  'give one by agent.clientCertificateFile and agent.clientKeyFile, or PACELINE_CLIENT_CERTIFICATE_FILE and PACELINE_CLIENT_KEY_FILE';

/** Null: it is about something else. Codes are those of Node.js and, with ERR_SSL, of OpenSSL. */
function tlsProblem(code: string, message: string): string | null {
  switch (code) {
    case 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY':
    case 'UNABLE_TO_GET_ISSUER_CERT':
    case 'UNABLE_TO_VERIFY_LEAF_SIGNATURE':
    case 'SELF_SIGNED_CERT_IN_CHAIN':
    case 'DEPTH_ZERO_SELF_SIGNED_CERT':
    case 'CERT_SIGNATURE_FAILURE':
      return `its certificate is from an authority that is not trusted here: ${CA_WAY_OUT}`;
    case 'CERT_HAS_EXPIRED':
      return "its certificate has expired: renew it on the server, or set this machine's clock if that is wrong";
    case 'CERT_NOT_YET_VALID':
      return "its certificate is not valid yet: set this machine's clock if that is wrong";
    case 'ERR_TLS_CERT_ALTNAME_INVALID':
      return `its certificate is for another name (${message.replace(/^.*altnames: /, '')}): use a name that it has`;
    case 'ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED':
      return `it asks for a client certificate: ${CLIENT_WAY_OUT}`;
    case 'ERR_SSL_TLSV1_ALERT_UNKNOWN_CA':
    case 'ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE':
    case 'ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED':
    case 'ERR_SSL_SSLV3_ALERT_CERTIFICATE_UNKNOWN':
    case 'ERR_SSL_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE':
      return `it does not accept the client certificate: ${CLIENT_WAY_OUT}`;
    case 'ERR_SSL_WRONG_VERSION_NUMBER':
    case 'ERR_SSL_PACKET_LENGTH_TOO_LONG':
      return 'it does not speak TLS there: is its address one with http://?';
    default:
      return null;
  }
}
