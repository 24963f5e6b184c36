/** An authority of the test's own, made by openssl in a folder that is given, and what it issues. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

export interface CertificateFiles {
  /** Paths, in PEM. */
  readonly certificate: string;
  readonly key: string;
}

export class TestAuthority {
  readonly #folder: string;
  readonly #name: string;
  readonly files: CertificateFiles;

  private constructor(folder: string, name: string) {
    this.#folder = folder;
    this.#name = name;
    this.files = { certificate: join(folder, `${name}.pem`), key: join(folder, `${name}.key`) };
  }

  /** `name` is its common name as well, so without spaces. */
  static async make(folder: string, name: string): Promise<TestAuthority> {
    const authority = new TestAuthority(folder, name);
    const { certificate, key } = authority.files;
    await run('openssl', [
      ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '30'],
      ...['-subj', `/CN=${name}`, '-keyout', key, '-out', certificate],
    ]);
    return authority;
  }

  /**
   * @param alternatives As `DNS:localhost,IP:127.0.0.1`.
   * @param days Below zero: it has expired.
   */
  async issue(name: string, alternatives: string, days = 30): Promise<CertificateFiles> {
    const at = (suffix: string): string => join(this.#folder, `${this.#name}-${name}.${suffix}`);
    const [certificate, key, request] = [at('pem'), at('key'), at('csr')];
    await run('openssl', [
      ...['req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-subj', `/CN=${name}`],
      ...['-addext', `subjectAltName=${alternatives}`, '-keyout', key, '-out', request],
    ]);
    await run('openssl', [
      ...['x509', '-req', '-in', request, '-CA', this.files.certificate, '-CAkey', this.files.key, '-CAcreateserial'],
      ...['-copy_extensions', 'copy', '-days', String(days), '-out', certificate],
    ]);
    return { certificate, key };
  }
}
