/** What a person can do something about: said as one sentence, exit code 2. */
export class Problem extends Error {}

export function endWithSentence(command, error) {
  const isTheirs = error instanceof Problem || error.code?.startsWith('ERR_PARSE_ARGS');
  process.stderr.write(`${command}: ${isTheirs ? error.message : error.stack}\n`);
  process.exitCode = isTheirs ? 2 : 70;
}
