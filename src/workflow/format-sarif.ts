import type { Diagnostic } from '../protocol/diagnostic.ts';
import { DIAGNOSTIC_RULES } from './diagnostic-rules.ts';

/**
 * A SARIF 2.1.0 log, for code scanning.
 * @param version Of Paceline.
 * @see https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
 */
export function formatAsSarif(diagnostics: readonly Diagnostic[], version: string): string {
  const ruleIds = [...new Set(diagnostics.map(({ rule }) => rule))].sort();
  const log = {
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    version: '2.1.0',
    runs: [
      {
        tool: { driver: { name: 'Paceline', semanticVersion: version, rules: ruleIds.map(describeRule) } },
        columnKind: 'utf16CodeUnits',
        results: diagnostics.map((diagnostic) => result(diagnostic, ruleIds.indexOf(diagnostic.rule))),
      },
    ],
  };
  return `${JSON.stringify(log, null, 2)}\n`;
}

function describeRule(id: string): object {
  // Other rooms name rules of their own, about files that call each other.
  const descriptions: Readonly<Record<string, string>> = DIAGNOSTIC_RULES;
  return { id, ...(Object.hasOwn(descriptions, id) ? { shortDescription: { text: descriptions[id] } } : {}) };
}

function result({ severity, message, file, line, column, length, rule }: Diagnostic, ruleIndex: number): object {
  const region = { startLine: line, startColumn: column, endLine: line, endColumn: column + length };
  const artifactLocation = { uri: toUri(file) };
  return {
    ruleId: rule,
    ruleIndex,
    level: severity,
    message: { text: message },
    locations: [{ physicalLocation: { artifactLocation, region } }],
  };
}

/** A relative reference, as code scanning matches it with files of the repository; an absolute path becomes `file://`. */
function toUri(file: string): string {
  const path = file.replaceAll('\\', '/').replace(/^\.\//, '');
  const encoded = path.split('/').map(encodeURIComponent).join('/');
  if (path.startsWith('/')) return `file://${encoded}`;
  return /^[A-Za-z]:\//.test(path) ? `file:///${path.slice(0, 2)}${encoded.slice(encoded.indexOf('/'))}` : encoded;
}
