import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { lstatSync, readlinkSync, realpathSync, statSync } from 'node:fs';
import { basename, dirname, isAbsolute, join, resolve } from 'node:path';

/** What a small Debian image has, and what ours add to it. */
const PACKAGES = [
  ...['base-files', 'base-passwd', 'bash', 'ca-certificates', 'coreutils', 'dash', 'debianutils', 'findutils', 'git'],
  ...[
    'grep',
    'gzip',
    'hostname',
    'libc6',
    'libgcc-s1',
    'libstdc++6',
    'login',
    'passwd',
    'procps',
    'sed',
    'tar',
    'util-linux',
  ],
];
const NEEDLESS =
  /^\/usr\/share\/(?:doc|man|locale|info|lintian|bash-completion|bug|menu|perl5?|git-core\/contrib)\b|^\/lib\/systemd\b|\/gconv\//;
const SETTINGS = ['/etc/passwd', '/etc/group', '/etc/shadow', '/etc/gshadow', '/etc/nsswitch.conf', '/etc/login.defs'];
const PROGRAMS = /\/(?:s?bin|git-core|lib)\//;
const FOLDERS = ['tmp', 'run', 'proc', 'sys', 'dev', 'root', 'home', 'var/tmp', 'opt'];

/**
 * A tar stream with a small Debian system made of files of this one, for `docker import`: nothing has to be pulled.
 *
 * @param programs beside it, each with the libraries that it is linked to; put where it is found, or into /usr/bin.
 * @param trees folders that are taken along as they are.
 */
export function baseImage(programs: readonly string[], trees: readonly string[] = []): ChildProcess {
  const listed = PACKAGES.flatMap((name) => lines('dpkg', ['-L', name])).filter((path) => !NEEDLESS.test(path));
  const paths = new Set<string>();
  for (const path of [...listed, ...SETTINGS, ...lines('find', ['/etc/ssl/certs', ...trees])]) add(path, paths);
  for (const path of librariesOf([...paths, ...programs])) add(path, paths);
  // Where the folders of / have become links into /usr.
  for (const name of ['bin', 'sbin', 'lib', 'lib64']) add(`/${name}`, paths);
  const renames = programs.flatMap((path) => ['--transform', `s,^${path.slice(1)}$,usr/bin/${basename(path)},S`]);
  const tar = spawn(
    'tar',
    ['--create', '--no-recursion', '--numeric-owner', '--directory=/', ...renames, '--files-from=-'],
    { stdio: ['pipe', 'pipe', 'ignore'] },
  );
  tar.stdin.end([...paths, ...programs, ...FOLDERS.map((name) => `/${name}`)].map((path) => path.slice(1)).join('\n'));
  return tar;
}

/** A file by its real place, and each link on the way to it. */
function add(path: string, paths: Set<string>): void {
  let found;
  try {
    found = join(realpathSync(dirname(path)), basename(path));
    if (paths.has(found)) return;
    const facts = lstatSync(found);
    if (!facts.isFile() && !facts.isSymbolicLink()) return;
    paths.add(found);
    if (!facts.isSymbolicLink()) return;
  } catch {
    // The package has it, this machine was made without it.
    return;
  }
  const target = readlinkSync(found);
  add(isAbsolute(target) ? target : resolve(dirname(found), target), paths);
}

/** Shared libraries that the executables among the files are linked to. */
function librariesOf(files: readonly string[]): Set<string> {
  const inodes = new Map(files.filter((path) => PROGRAMS.test(path)).flatMap((path) => executable(path)));
  const programs = [...inodes.values()];
  // It complains about scripts, and ends with an error for them.
  const text = lines('sh', ['-c', 'ldd "$@" 2>/dev/null || :', 'sh', ...programs]);
  return new Set(text.flatMap((line) => /(?:=>\s*|^\s+)(\/\S+)\s+\(0x/.exec(line)?.[1] ?? []));
}

/** With its inode: Git is one program by a hundred names. */
function executable(path: string): [number, string][] {
  const facts = statSync(path, { throwIfNoEntry: false });
  return facts?.isFile() && (facts.mode & 0o111) !== 0 ? [[facts.ino, path]] : [];
}

function lines(command: string, args: readonly string[]): string[] {
  const text = execFileSync(command, args, { encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 });
  return text.split('\n').filter((line) => line !== '');
}
