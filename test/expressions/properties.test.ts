import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { checkCondition, checkTemplate, references } from '../../src/expressions/check.ts';
import { CONTEXT_NAMES } from '../../src/expressions/availability.ts';
import {
  evaluateCondition,
  evaluateExpression,
  evaluateTemplate,
  ExpressionError,
} from '../../src/expressions/evaluate.ts';
import type { Json } from '../../src/expressions/json.ts';
import { scanTemplate } from '../../src/expressions/scan-template.ts';

const everything = { contexts: CONTEXT_NAMES, functions: ['hashFiles', 'success', 'failure', 'cancelled', 'always'] };
const input = {
  contexts: { github: { a: [1, 'x', { b: null }], ref: 'main' }, env: { A: '1' } },
  status: { success: true, failure: false, cancelled: false },
  hashFiles: () => 'hash',
};
const TOKENS =
  "( ) [ ] , . * ! != == < <= > >= && || & | = 'a' '' 'it''s' ' ${{ }} null true NaN 1 0x1 -2 1e3 \" $ - github env secrets foo ref a success always( contains( format( fromJSON( toJSON( join( case( hashFiles( startsWith("
    .split(' ')
    .concat([' ', '\n']);
const soup = fc.array(fc.constantFrom(...TOKENS), { maxLength: 14 }).map((tokens) => tokens.join(''));
const anyText = fc.oneof(
  soup,
  fc.string(),
  fc.string().map((text) => `\${{${text}}}`),
);

/** Runs it, and lets nothing but an ExpressionError come out. */
function orExpressionError<T>(run: () => T): T | ExpressionError {
  try {
    return run();
  } catch (error) {
    expect(error).toBeInstanceOf(ExpressionError);
    return error as ExpressionError;
  }
}

describe('whatever is written', () => {
  it('a check gives problems inside of the text and never throws', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        for (const check of [checkTemplate, checkCondition]) {
          for (const { offset, length, message } of check(text, everything)) {
            expect(offset).toBeGreaterThanOrEqual(0);
            expect(offset + length).toBeLessThanOrEqual(Math.max(text.length, 1));
            expect(message).toMatch(/^\S.*[^.]$/s);
          }
        }
        references(text, 'template');
        references(text, 'condition');
      }),
      { numRuns: 2_000 },
    );
  });

  it('an evaluation gives a value or an ExpressionError', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        orExpressionError(() => evaluateExpression(text, input));
        orExpressionError(() => evaluateTemplate({ [text]: text }, input));
        orExpressionError(() => evaluateCondition(text, input));
      }),
      { numRuns: 2_000 },
    );
  });

  it('what the check refuses is an error when it is evaluated', () => {
    fc.assert(
      fc.property(soup, (text) => {
        const refused = checkTemplate(`\${{${text}}}`, everything).length > 0;
        if (refused) expect(orExpressionError(() => evaluateTemplate(`\${{${text}}}`, input))).toBeInstanceOf(Error);
      }),
      { numRuns: 2_000 },
    );
  });

  it('a text without ${{ is left as it is', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        fc.pre(!text.includes('${{'));
        expect(evaluateTemplate(text, input)).toBe(text);
        expect(checkTemplate(text, everything)).toEqual([]);
      }),
    );
  });

  it('the segments of a text are the text', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const whole = scanTemplate(text)
          .map(({ kind, text: part }) =>
            kind === 'text' ? part : kind === 'expression' ? `\${{${part}}}` : `\${{${part}`,
          )
          .join('');
        expect(whole).toBe(text);
      }),
    );
  });

  it('a value goes through toJSON and fromJSON unchanged', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 4 }), (value) => {
        const contexts = { env: { value: value as Json } };
        // JSON has one zero only.
        expect(evaluateExpression('fromJSON(toJSON(env.value))', { contexts })).toEqual(
          JSON.parse(JSON.stringify(value)),
        );
      }),
    );
  });
});
