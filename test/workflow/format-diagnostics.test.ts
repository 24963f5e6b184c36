import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import type { Diagnostic } from '../../src/protocol/diagnostic.ts';
import { formatAsJson, formatForPeople } from '../../src/workflow/format-diagnostics.ts';
import { formatAsSarif } from '../../src/workflow/format-sarif.ts';
import { parseWorkflow } from '../../src/workflow/parse-workflow.ts';

const at = (line: number, column: number, length: number): Diagnostic => ({
  ...{ severity: 'error', message: 'wrong', file: 'w.yml', rule: 'value' },
  ...{ line, column, length },
});

/** As much of SARIF as is looked at here. */
interface SarifLog {
  readonly runs: readonly [
    {
      readonly tool: {
        readonly driver: { readonly rules: readonly { id: string; shortDescription: { text: string } }[] };
      };
      readonly results: readonly {
        readonly ruleId: string;
        readonly ruleIndex: number;
        readonly level: string;
        readonly locations: readonly [{ readonly physicalLocation: { readonly artifactLocation: { uri: string } } }];
      }[];
    },
  ];
}

function sarif(diagnostics: readonly Diagnostic[]): SarifLog {
  return JSON.parse(formatAsSarif(diagnostics, '1.2.3')) as SarifLog;
}

function people(diagnostic: Diagnostic, source: string): string[] {
  return formatForPeople([diagnostic], new Map([['w.yml', source]]), { colour: false }).split('\n');
}

describe('for people', () => {
  it('shows the place, the line and a caret', () => {
    expect(people(at(2, 7, 3), 'on: push\nname: abc\n')).toEqual([
      'w.yml:2:7: error: wrong',
      '    name: abc',
      '          ^^^',
      '',
    ]);
  });

  it('shows no line where there is nothing to see', () => {
    expect(people(at(1, 1, 1), '')).toEqual(['w.yml:1:1: error: wrong', '']);
    expect(people(at(9, 1, 1), 'on: push')).toEqual(['w.yml:9:1: error: wrong', '']);
    expect(formatForPeople([{ ...at(1, 1, 1), file: 'other.yml' }], new Map(), { colour: false })).toBe(
      'other.yml:1:1: error: wrong\n',
    );
  });

  it('keeps the caret below its text behind tabs, combining marks and wide letters', () => {
    const [, line, caret] = people(at(1, 8, 3), "a\t漢e\u0301: 'abc'");
    expect(line).toBe("    a 漢e\u0301: 'abc'");
    // One for the letter, one for the tab, two for the wide one, one with its accent, colon and blank.
    expect(caret).toBe(`    ${' '.repeat(7)}^^^`);
  });

  it('cuts a long line around the caret', () => {
    const source = `run: ${'x'.repeat(500)}HERE${'y'.repeat(500)}`;
    const [, line, caret] = people(at(1, 506, 4), source);
    expect(line!.length).toBeLessThan(200);
    expect(line!.slice(caret!.indexOf('^'), caret!.lastIndexOf('^') + 1)).toBe('HERE');
  });

  it('lets no control character of the file or of a message reach the terminal', () => {
    const shown = formatForPeople(
      [{ ...at(1, 1, 1), message: 'no \u001b[2J' }],
      new Map([['w.yml', 'a\u001b[31m\u009b\u202e']]),
      {
        colour: false,
      },
    );
    // eslint-disable-next-line no-control-regex
    expect(shown.replaceAll('\n', '')).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202e]/);
  });

  it('colours on request only', () => {
    const source = new Map([['w.yml', 'a: b']]);
    expect(formatForPeople([at(1, 1, 1)], source, { colour: true })).toContain('\u001b[1;31merror:\u001b[0m');
    expect(formatForPeople([], source, { colour: true })).toBe('');
  });
});

describe('for programs', () => {
  it('JSON holds the diagnostics as they are', () => {
    expect(JSON.parse(formatAsJson([at(1, 2, 3)]))).toEqual([at(1, 2, 3)]);
    expect(formatAsJson([])).toBe('[]\n');
  });

  it('SARIF names rules once and places results', () => {
    const log = sarif([at(1, 2, 3), { ...at(4, 5, 6), severity: 'warning', rule: 'needs' }, at(7, 8, 9)]);
    expect(log).toMatchObject({
      version: '2.1.0',
      runs: [{ tool: { driver: { name: 'Paceline', semanticVersion: '1.2.3' } } }],
    });
    const [run] = log.runs;
    expect(run.tool.driver.rules.map(({ id }) => id)).toEqual(['needs', 'value']);
    expect(run.results.map(({ ruleId, ruleIndex, level }) => [ruleId, ruleIndex, level])).toEqual([
      ['value', 1, 'error'],
      ['needs', 0, 'warning'],
      ['value', 1, 'error'],
    ]);
    expect(run.results[0]!.locations[0].physicalLocation).toEqual({
      artifactLocation: { uri: 'w.yml' },
      region: { startLine: 1, startColumn: 2, endLine: 1, endColumn: 5 },
    });
  });

  it.each([
    ['./a b/ä.yml', 'a%20b/%C3%A4.yml'],
    ['.github\\workflows\\ci.yml', '.github/workflows/ci.yml'],
    ['/srv/ci.yml', 'file:///srv/ci.yml'],
    ['C:\\ci\\w#1.yml', 'file:///C:/ci/w%231.yml'],
  ])('SARIF names %s as %s', (file, uri) => {
    const [run] = sarif([{ ...at(1, 1, 1), file }]).runs;
    expect(run.results[0]!.locations[0].physicalLocation.artifactLocation.uri).toBe(uri);
  });

  it('SARIF describes every rule of the parser', () => {
    const source = readFileSync(join(import.meta.dirname, 'fixtures/broken.yml'));
    const [run] = sarif(parseWorkflow(source, 'broken.yml').diagnostics).runs;
    for (const { shortDescription } of run.tool.driver.rules) expect(shortDescription.text).toMatch(/\.$/);
  });
});
