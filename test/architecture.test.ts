/** The table of rooms in ARCHITECTURE.md against what every file in `src` really imports and calls. */
import { readdirSync, readFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { dirname, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import ts from 'typescript';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const FORBIDDEN_FOLDERS = ['utils', 'common', 'helpers', 'types', 'manager'];
/** Rooms without input and output, and without a clock. */
const PURE = ['protocol', 'expressions', 'workflow', 'flow'];
/** What of Node.js a pure room may use. */
const PURE_MODULES = ['node:buffer', 'node:path/posix', 'node:util'];

interface Room {
  readonly floor: number;
  readonly mayImport: readonly string[];
}

interface SourceFile {
  /** Below `src`, with forward slashes. */
  readonly path: string;
  readonly room: string;
  readonly source: ts.SourceFile;
}

const rooms = readRooms();
const files = readFiles();

describe('the table in ARCHITECTURE.md', () => {
  it('names exactly the rooms that there are', () => {
    const folders = readdirSync(join(ROOT, 'src'), { withFileTypes: true });
    expect(folders.filter((entry) => !entry.isDirectory()).map(({ name }) => name)).toEqual([]);
    expect([...rooms.keys()].sort()).toEqual(folders.map(({ name }) => name).sort());
  });

  it('lets no room import its own floor or one above, and nobody cli', () => {
    for (const [name, { floor, mayImport }] of rooms)
      for (const other of mayImport) {
        expect(`${name} → ${other}`).not.toContain('→ cli');
        expect({ name, other, below: (rooms.get(other)?.floor ?? Infinity) < floor }).toMatchObject({ below: true });
      }
  });
});

describe('the rooms', () => {
  it('import what the table allows, and no other room', () => {
    const found = files.flatMap(({ path, room, source }) =>
      importsOf(source)
        .filter((specifier) => specifier.startsWith('.'))
        .map(
          (specifier) => relative(join(ROOT, 'src'), join(ROOT, 'src', dirname(path), specifier)).split(sep)[0] ?? '',
        )
        .filter((other) => other !== room && rooms.get(room)?.mayImport.includes(other) !== true)
        .map((other) => `${path} imports ${other}`),
    );
    expect(found).toEqual([]);
  });

  it('write imports of their own with the extension, and those of Node.js with node:', () => {
    const found = files.flatMap(({ path, source }) =>
      importsOf(source)
        .filter((name) => (name.startsWith('.') ? !name.endsWith('.ts') : builtinModules.includes(name)))
        .map((name) => `${path} imports ${name}`),
    );
    expect(found).toEqual([]);
  });

  it.each(PURE)('%s does no input or output and takes no clock', (room) => {
    const found = files
      .filter((file) => file.room === room)
      .flatMap(({ path, source }) => [
        ...importsOf(source)
          .filter((name) => name.startsWith('node:') && !PURE_MODULES.includes(name))
          .map((name) => `${path} imports ${name}`),
        ...expressionsOf(source)
          .filter((text) => IMPURE.test(text))
          .map((text) => `${path} uses ${text}`),
      ]);
    expect(found).toEqual([]);
  });

  it('leave arguments, environment and exit to cli', () => {
    const found = files
      .filter(({ room }) => room !== 'cli')
      .flatMap(({ path, source }) =>
        expressionsOf(source)
          .filter((text) => /^process\.(argv|env|exit|exitCode)$/.test(text))
          .map((text) => `${path} uses ${text}`),
      );
    expect(found).toEqual([]);
  });

  it('have no folder for what has no name', () => {
    const folders = new Set(files.flatMap(({ path }) => path.split('/').slice(0, -1)));
    expect([...folders].filter((folder) => FORBIDDEN_FOLDERS.includes(folder))).toEqual([]);
    const names = files.map(({ path }) => path.split('/').at(-1)?.replace(/\.ts$/, '') ?? '');
    expect(names.filter((name) => FORBIDDEN_FOLDERS.includes(name))).toEqual([]);
  });
});

const IMPURE =
  /^(Date\.now|new Date\(\)|performance\.\w+|Math\.random|crypto\.\w+|fetch|process\.\w+|(set|clear)(Timeout|Interval|Immediate)|console\.\w+)$/;

function readRooms(): Map<string, Room> {
  const text = readFileSync(join(ROOT, 'ARCHITECTURE.md'), 'utf8');
  const rows = text.split('\n').map((line) => line.split('|').map((cell) => cell.trim()));
  const header = rows.findIndex((cells) => cells[1] === 'floor' && cells[2] === 'room');
  if (header < 0) throw new Error('ARCHITECTURE.md has no table with the columns floor and room');
  const found = new Map<string, { floor: number; cell: string }>();
  for (const [, floor = '', room = '', , cell = ''] of rows.slice(header + 2)) {
    if (!/^\d+$/.test(floor)) break;
    found.set(room.replaceAll('`', ''), { floor: Number(floor), cell });
  }
  return new Map([...found].map(([room, { floor, cell }]) => [room, { floor, mayImport: allowed(room, cell) }]));

  function allowed(room: string, cell: string): string[] {
    if (cell === 'packages only') return [];
    if (cell === 'all') return [...found.keys()].filter((other) => other !== room);
    return cell.split(',').map((name) => name.trim());
  }
}

function readFiles(): SourceFile[] {
  const src = join(ROOT, 'src');
  return readdirSync(src, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => {
      const path = name.split(sep).join('/');
      const text = readFileSync(join(src, name), 'utf8');
      const source = ts.createSourceFile(name, text, ts.ScriptTarget.Latest, true);
      return { path, room: path.split('/')[0] ?? '', source };
    });
}

/** Specifiers of every import: static, of types, re-exported, dynamic. */
function importsOf(source: ts.SourceFile): string[] {
  return ts.preProcessFile(source.text, true, true).importedFiles.map(({ fileName }) => fileName);
}

/** `a.b`, `a` of a call `a()`, and `new A()` without arguments, as written. */
function expressionsOf(source: ts.SourceFile): string[] {
  const found: string[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isPropertyAccessExpression(node)) found.push(node.getText());
    if (ts.isCallExpression(node) && ts.isIdentifier(node.expression)) found.push(node.expression.text);
    if (ts.isNewExpression(node) && (node.arguments?.length ?? 0) === 0)
      found.push(`new ${node.expression.getText()}()`);
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}
