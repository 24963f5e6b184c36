import { describe, expect, it } from '@jest/globals';
import { evaluateText, evaluateWithHashes, ExpressionError } from '../../src/expressions/evaluate.ts';

const input = { contexts: {} };

describe('evaluateWithHashes', () => {
  it('evaluates once when nothing is hashed', async () => {
    let calls = 0;
    const result = await evaluateWithHashes(
      input,
      () => Promise.reject(new Error('not asked for')),
      () => ++calls,
    );
    expect(result).toBe(1);
  });

  it('gives every call its hash and asks for each list of patterns once', async () => {
    const asked: (readonly string[])[] = [];
    const text = "${{ hashFiles('a') }} ${{ hashFiles('a', 'b') }} ${{ hashFiles('a') }}";
    const result = await evaluateWithHashes(
      input,
      (patterns) => {
        asked.push(patterns);
        return Promise.resolve(`<${patterns.join('+')}>`);
      },
      (withHashes) => evaluateText(text, withHashes),
    );
    expect(result).toBe('<a> <a+b> <a>');
    expect(asked).toEqual([['a'], ['a', 'b']]);
  });

  it('takes a hash as the pattern of another, and forgets errors that the empty hash made', async () => {
    const text = "${{ hashFiles(fromJSON(hashFiles('list')).file) }}";
    const result = await evaluateWithHashes(
      input,
      ([pattern]) => Promise.resolve(pattern === 'list' ? '{"file": "x"}' : `hash of ${pattern ?? ''}`),
      (withHashes) => evaluateText(text, withHashes),
    );
    expect(result).toBe('hash of x');
  });

  it('throws what is still wrong with all hashes at hand', async () => {
    const evaluate = evaluateWithHashes(
      input,
      () => Promise.resolve('abc'),
      (withHashes) => evaluateText("${{ fromJSON(hashFiles('a')) }}", withHashes),
    );
    await expect(evaluate).rejects.toThrow(ExpressionError);
  });

  it('says which call could not be hashed', async () => {
    const evaluate = evaluateWithHashes(
      input,
      () => Promise.reject(new Error('The folder is gone.')),
      (withHashes) => evaluateText("${{ hashFiles('a', 'b') }}", withHashes),
    );
    await expect(evaluate).rejects.toThrow(
      "The expression `hashFiles('a', 'b')` could not be evaluated: The folder is gone.",
    );
  });

  it('ends when every round asks for another hash', async () => {
    let round = 0;
    const evaluate = evaluateWithHashes(
      input,
      () => Promise.resolve('x'),
      (withHashes) => withHashes.hashFiles?.([String(round++)]),
    );
    await expect(evaluate).rejects.toThrow('its patterns never come to an end');
  });
});
