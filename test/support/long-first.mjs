import { statSync } from 'node:fs';

/** Parts of paths of test files that take half a minute and more. */
const LONG = [
  '/test/simulation/',
  '/test/real/',
  '/test/faults/',
  '/drain-race.',
  '/test/package/',
  '/test/docker/containers.',
  '/test/systemd/',
  '/test/docs/run-documents.',
];

/** Jest's order of test files: those that take long come first, so that nobody waits for one of them at the end. */
export default class LongFirst {
  /** @param {{ path: string }[]} tests */
  sort(tests) {
    const rank = ({ path }) => LONG.findIndex((part) => path.includes(part));
    const isLong = (test) => rank(test) >= 0;
    const long = tests.filter(isLong).sort((one, other) => rank(one) - rank(other));
    const bySize = tests
      .filter((test) => !isLong(test))
      .map((test) => ({ test, size: statSync(test.path).size }))
      .sort((one, other) => other.size - one.size);
    return [...long, ...bySize.map(({ test }) => test)];
  }

  /** The same with `--onlyFailures`, which needs what other runs left behind. */
  allFailedTests(tests) {
    return tests;
  }

  /** Nothing is kept: the order is the same each time. */
  cacheResults() {
    return undefined;
  }
}
