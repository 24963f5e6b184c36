import { describe, expect, it } from '@jest/globals';
import { parseWorkflow } from '../../src/workflow/parse-workflow.ts';
import { officialErrors } from './official-parser.ts';
import { ORACLE_CASES } from './oracle-cases.ts';

const official = officialErrors(ORACLE_CASES.map(({ workflow }) => workflow));

describe('what is accepted and what is refused', () => {
  it.each(ORACLE_CASES)('$name', ({ workflow, valid }) => {
    const { plan, diagnostics } = parseWorkflow(workflow, 'w.yml');
    const errors = diagnostics.filter(({ severity }) => severity === 'error').map(({ message }) => message);
    if (valid) expect(errors).toEqual([]);
    else expect(errors).not.toEqual([]);
    expect(plan !== null).toBe(valid);
  });
});

describe("GitHub's own parser takes the same view, but for the differences that are listed", () => {
  it.each(ORACLE_CASES.map((oracleCase, index) => ({ ...oracleCase, errors: official[index]! })))(
    '$name',
    ({ valid, differs, errors }) => {
      expect({ valid: errors.length === 0, errors }).toMatchObject({ valid: differs === undefined ? valid : !valid });
    },
  );
});
