/**
 * A terminal as far as our views use one: text, line breaks, cursor up/down/left, erase line. What it shows is
 * what a person would see; anything else that is sent to it is a mistake.
 */
export class FakeScreen {
  readonly lines: string[] = [''];
  /** How often something was drawn. */
  draws = 0;
  cursorVisible = true;
  #row = 0;
  #column = 0;

  write(text: string): void {
    let left = text;
    while (left !== '') {
      // eslint-disable-next-line no-control-regex -- escape sequences are what this is about
      const escape = /^\u001b\[(\??)(\d*)([A-Za-z])/.exec(left);
      if (escape) {
        this.#obey(escape[1] ?? '', Number(escape[2] ?? 0), escape[3] ?? '');
        left = left.slice(escape[0].length);
        continue;
      }
      const character = left[0] ?? '';
      left = left.slice(1);
      if (character === '\n') this.#move(this.#row + 1, 0);
      else if (character === '\r') this.#move(this.#row, 0);
      else if (character === '\u001b' || character < ' ')
        throw new Error(`unexpected ${JSON.stringify(character + left)}`);
      else this.#put(character);
    }
  }

  /** What is shown, without colours, ends trimmed. */
  get shown(): string[] {
    const lines = this.lines.map((line) => line.trimEnd());
    while (lines.at(-1) === '') lines.pop();
    return lines;
  }

  #put(character: string): void {
    const line = (this.lines[this.#row] ?? '').padEnd(this.#column);
    this.lines[this.#row] = line.slice(0, this.#column) + character + line.slice(this.#column + 1);
    this.#column++;
  }

  #move(row: number, column: number): void {
    if (row < 0) throw new Error('the cursor left the screen');
    this.#row = row;
    this.#column = column;
    while (this.lines.length <= row) this.lines.push('');
  }

  #obey(mark: string, count: number, command: string): void {
    if (mark === '?') {
      if (count === 25) this.cursorVisible = command === 'h';
      else if (count === 2026) this.draws += command === 'h' ? 1 : 0;
      else throw new Error(`unexpected mode ${String(count)}`);
      return;
    }
    switch (command) {
      case 'A':
        this.#move(this.#row - (count || 1), this.#column);
        return;
      case 'B':
        this.#move(this.#row + (count || 1), this.#column);
        return;
      case 'G':
        this.#move(this.#row, Math.max(count - 1, 0));
        return;
      case 'K':
        this.lines[this.#row] = count === 2 ? '' : (this.lines[this.#row] ?? '').slice(0, this.#column);
        return;
      case 'm':
        return;
      default:
        throw new Error(`unexpected command ${command}`);
    }
  }
}
