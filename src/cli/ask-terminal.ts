import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import { CommandProblem } from './command-problem.ts';
import { EXIT } from './exit-codes.ts';

/** Asks on standard error, which is not piped anywhere. @throws CommandProblem when the person leaves (Ctrl-C, Ctrl-D). */
export function askTerminal(question: string, secret: boolean): Promise<string> {
  // The interface shows what is typed by writing it.
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input: process.stdin, output: secret ? silent : process.stderr, terminal: true });
  // Not before: until now the terminal itself shows what is typed.
  process.stderr.write(question);
  return new Promise((resolve, reject) => {
    lines.once('line', (line) => {
      if (secret) process.stderr.write('\n');
      resolve(line.trim());
      lines.close();
    });
    // After `line` it changes nothing.
    lines.once('close', () => reject(new CommandProblem(EXIT.cancelled, 'Nothing was changed.')));
    lines.once('SIGINT', () => {
      process.stderr.write('\n');
      lines.close();
    });
  });
}
