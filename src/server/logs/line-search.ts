import { HIT_TEXT_CHARS, SEARCH_OVERLAP_CHARS, SEARCH_WINDOW_CHARS } from './limits.ts';

export interface LineQuery {
  readonly text: string;
  /** `text` is a regular expression. */
  readonly pattern: boolean;
}

export interface LineHit {
  readonly line: number;
  /** Of the line from where the hit is near, at most `HIT_TEXT_CHARS`. */
  readonly text: string;
}

/**
 * Finds lines in a stream of bytes, in bounded memory: a line longer than a window is searched window by window, with an
 * overlap. A line is told once.
 * @throws SyntaxError for a pattern that is none.
 */
export class LineSearch {
  readonly #matches: (text: string) => number;
  readonly #decoder = new TextDecoder();
  #line = 1;
  /** Of the current line, or of its last window. */
  #rest = '';
  #toldLine = 0;

  constructor({ text, pattern }: LineQuery) {
    if (pattern) {
      const expression = new RegExp(text, 'u');
      this.#matches = (line) => line.search(expression);
    } else this.#matches = (line) => line.indexOf(text);
  }

  push(bytes: Uint8Array): LineHit[] {
    return this.#search(this.#decoder.decode(bytes, { stream: true }));
  }

  /** The last line, which may have no end. */
  end(): LineHit[] {
    const hits = this.#search(this.#decoder.decode());
    if (this.#rest !== '') this.#look(this.#rest, hits);
    return hits;
  }

  #search(text: string): LineHit[] {
    const hits: LineHit[] = [];
    const all = this.#rest + text;
    let at = 0;
    for (let end = all.indexOf('\n'); end >= 0; end = all.indexOf('\n', at)) {
      this.#look(all.slice(at, end > at && all[end - 1] === '\r' ? end - 1 : end), hits);
      this.#line += 1;
      at = end + 1;
    }
    this.#rest = all.slice(at);
    if (this.#rest.length <= SEARCH_WINDOW_CHARS) return hits;
    this.#look(this.#rest, hits);
    this.#rest = this.#rest.slice(-SEARCH_OVERLAP_CHARS);
    return hits;
  }

  #look(line: string, hits: LineHit[]): void {
    for (let at = 0; this.#toldLine < this.#line; at += SEARCH_WINDOW_CHARS - SEARCH_OVERLAP_CHARS) {
      const window = line.length <= SEARCH_WINDOW_CHARS ? line : line.slice(at, at + SEARCH_WINDOW_CHARS);
      const found = this.#matches(window);
      if (found >= 0) {
        hits.push({ line: this.#line, text: shownOf(window, found) });
        this.#toldLine = this.#line;
      }
      if (at + SEARCH_WINDOW_CHARS >= line.length) return;
    }
  }
}

/** A long line is shown around its hit. */
function shownOf(line: string, found: number): string {
  if (line.length <= HIT_TEXT_CHARS) return line;
  const from = Math.max(0, Math.min(found - HIT_TEXT_CHARS / 2, line.length - HIT_TEXT_CHARS));
  // A flat copy: a slice would keep the window in memory.
  return Buffer.from(line.slice(from, from + HIT_TEXT_CHARS)).toString();
}
