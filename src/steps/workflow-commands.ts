import { commandAnnotation } from './command-annotation.ts';
import type { Masker } from './masker.ts';
import type { MatcherSet } from './matcher-set.ts';
import { parseWorkflowCommand, type WorkflowCommand } from './parse-workflow-command.ts';
import { readProblemMatchers } from './read-problem-matchers.ts';
import { setIgnoringCase } from './set-ignoring-case.ts';
import type { CapturedCommands, StepLog, StepOutputOptions } from './step-log.ts';

export interface CommandContext {
  readonly log: StepLog;
  readonly masker: Masker;
  readonly matchers: MatcherSet;
  readonly workspace: string;
  /** Step debug logging: processed commands are echoed until `::echo::off`. */
  readonly debug: boolean;
  /** Commands of the step whose deprecation was said already. */
  readonly deprecated: Set<string>;
}

/** Carries out the workflow commands in the output of one process (runner-behaviour 2.10). */
export class WorkflowCommands {
  readonly #context: CommandContext;
  readonly #options: StepOutputOptions;
  readonly #outputs = new Map<string, string>();
  readonly #state = new Map<string, string>();
  readonly #env = new Map<string, string>();
  readonly #path: string[] = [];
  #failed = false;
  #echo: boolean;
  /** While it is set, every other command is text. */
  #stopToken: string | null = null;

  constructor(context: CommandContext, options: StepOutputOptions) {
    this.#context = context;
    this.#options = options;
    this.#echo = context.debug;
  }

  get captured(): CapturedCommands {
    return { outputs: this.#outputs, state: this.#state, env: this.#env, path: this.#path, failed: this.#failed };
  }

  readonly isRegistered = (name: string): boolean => {
    return name === STOP || COMMANDS.has(name) || name === this.#stopToken;
  };

  /** False when the line is text after all: commands are stopped. What it prints and changes has happened on return. */
  run(command: WorkflowCommand, line: string): boolean {
    const { log } = this.#context;
    if (this.#stopToken !== null) {
      if (command.name !== this.#stopToken) return false;
      log.line(line);
      log.debug('Workflow commands are processed again.');
      this.#stopToken = null;
      return true;
    }
    const handler = COMMANDS.get(command.name);
    if (handler === undefined) this.#stop(command.data, line);
    else {
      if (this.#echo && !handler.hidden) log.line(line);
      const problem = handler.run(command, this);
      if (problem !== null) this.fail(handler.hidden ? `::${command.name}::` : line, problem);
    }
    return true;
  }

  /** Whether the beginning of a line asks for a mask. */
  isMask(text: string): boolean {
    return this.#stopToken === null && parseWorkflowCommand(text, this.isRegistered)?.name === 'add-mask';
  }

  /** Says so in two annotations, and the step fails. */
  fail(line: string, problem: string): void {
    this.#failed = true;
    this.#annotate('error', `Unable to process command '${line}' successfully.`);
    this.#annotate('error', problem);
  }

  #stop(token: string, line: string): void {
    const name = token.toLowerCase();
    const isGuessable = name === '' || name === 'pause-logging' || this.isRegistered(name);
    if (isGuessable && !this.#options.allowUnsecureStopTokens) {
      this.fail(
        line,
        `'${token}' cannot be the token of ::stop-commands::, because output could contain it by chance. Take a random one, or set ACTIONS_ALLOW_UNSECURE_STOPCOMMAND_TOKENS to true.`,
      );
      return;
    }
    this.#stopToken = name;
    if (token.length > MIN_MASKED_TOKEN) this.#context.masker.add(token);
    this.#context.log.line(line);
    this.#context.log.debug('Workflow commands are text until the token comes.');
  }

  debug({ data }: WorkflowCommand): null {
    this.#context.log.debug(data);
    return null;
  }

  annotate(command: WorkflowCommand): null {
    const level = command.name as 'error' | 'warning' | 'notice';
    this.#context.log.annotate(commandAnnotation(level, command, this.#context.workspace));
    return null;
  }

  group({ name, data }: WorkflowCommand): null {
    this.#context.log.line(name === 'group' ? `##[group]${data}` : '##[endgroup]');
    return null;
  }

  addMask({ data }: WorkflowCommand): null {
    if (data.trim() === '') {
      this.#annotate('warning', 'An empty value cannot be masked: ::add-mask:: did nothing.');
      return null;
    }
    this.#context.masker.addSecret(data);
    if (this.#echo) this.#context.log.line('::add-mask::***');
    return null;
  }

  echo({ data }: WorkflowCommand): string | null {
    const value = data.trim().toLowerCase();
    if (value !== 'on' && value !== 'off') return `::echo:: can be 'on' or 'off', not '${data}'.`;
    this.#echo = value === 'on';
    return null;
  }

  setOutput({ properties, data }: WorkflowCommand): string | null {
    this.#deprecate('set-output', 'GITHUB_OUTPUT');
    const name = properties.get('name');
    if (name === undefined) return missingName('set-output');
    this.#outputs.set(name, data);
    return null;
  }

  saveState({ properties, data }: WorkflowCommand): string | null {
    this.#deprecate('save-state', 'GITHUB_STATE');
    const name = properties.get('name');
    if (name === undefined) return missingName('save-state');
    setIgnoringCase(this.#state, name, data);
    return null;
  }

  setEnv({ properties, data }: WorkflowCommand): string | null {
    if (!this.#options.allowUnsecureCommands) return disabled('set-env', 'GITHUB_ENV');
    const name = properties.get('name');
    if (name === undefined) return missingName('set-env');
    if (name.toUpperCase() === 'NODE_OPTIONS') this.#annotate('error', '::set-env:: cannot set NODE_OPTIONS.');
    else this.#env.set(name, data);
    return null;
  }

  addPath({ data }: WorkflowCommand): string | null {
    if (!this.#options.allowUnsecureCommands) return disabled('add-path', 'GITHUB_PATH');
    if (data === '') return '::add-path:: needs a path.';
    this.#path.push(data);
    return null;
  }

  addMatcher({ data }: WorkflowCommand): string | null {
    if (data === '') {
      this.#annotate('warning', '::add-matcher:: needs the path of a file: it did nothing.');
      return null;
    }
    const read = readProblemMatchers(data, this.#context.workspace);
    if (typeof read === 'string') return read;
    const problem = this.#context.matchers.add(read);
    if (problem !== null) return problem;
    this.#context.log.debug(`Added problem matchers: ${read.map(({ owner }) => `'${owner}'`).join(', ')}.`);
    return null;
  }

  removeMatcher({ properties, data }: WorkflowCommand): string | null {
    const owner = properties.get('owner') ?? '';
    if ((owner === '') === (data === '')) {
      this.#annotate('warning', '::remove-matcher:: needs either an owner or a file, not both: it did nothing.');
      return null;
    }
    const read = owner === '' ? readProblemMatchers(data, this.#context.workspace) : [{ owner }];
    if (typeof read === 'string') return read;
    const owners = read.map((matcher) => matcher.owner);
    this.#context.matchers.remove(owners);
    this.#context.log.debug(`Removed problem matchers: ${owners.map((name) => `'${name}'`).join(', ')}.`);
    return null;
  }

  #deprecate(name: string, variable: string): void {
    const { deprecated } = this.#context;
    if (deprecated.has(name)) return;
    deprecated.add(name);
    this.#annotate(
      'warning',
      `The command ::${name}:: is deprecated. Append to the file that ${variable} names instead.`,
    );
  }

  #annotate(level: 'error' | 'warning', message: string): void {
    const place = { title: null, file: null, line: null, endLine: null, column: null, endColumn: null };
    this.#context.log.annotate({ level, message, ...place });
  }
}

function missingName(command: string): string {
  return `::${command}:: needs a name, as in ::${command} name=NAME::VALUE.`;
}

function disabled(command: string, variable: string): string {
  return `The command ::${command}:: is disabled, because any output could contain it. Append to the file that ${variable} names instead, or set ACTIONS_ALLOW_UNSECURE_COMMANDS to true.`;
}

interface CommandHandler {
  /** Never echoed: it prints itself, or must not be seen. */
  readonly hidden: boolean;
  /** Null, or a sentence: then the step fails. */
  readonly run: (command: WorkflowCommand, commands: WorkflowCommands) => string | null;
}

const STOP = 'stop-commands';

const COMMANDS: ReadonlyMap<string, CommandHandler> = new Map<string, CommandHandler>([
  ['debug', { hidden: true, run: (command, commands) => commands.debug(command) }],
  ['error', { hidden: true, run: (command, commands) => commands.annotate(command) }],
  ['warning', { hidden: true, run: (command, commands) => commands.annotate(command) }],
  ['notice', { hidden: true, run: (command, commands) => commands.annotate(command) }],
  ['add-mask', { hidden: true, run: (command, commands) => commands.addMask(command) }],
  ['group', { hidden: false, run: (command, commands) => commands.group(command) }],
  ['endgroup', { hidden: false, run: (command, commands) => commands.group(command) }],
  ['echo', { hidden: false, run: (command, commands) => commands.echo(command) }],
  ['set-output', { hidden: false, run: (command, commands) => commands.setOutput(command) }],
  ['save-state', { hidden: false, run: (command, commands) => commands.saveState(command) }],
  ['set-env', { hidden: false, run: (command, commands) => commands.setEnv(command) }],
  ['add-path', { hidden: false, run: (command, commands) => commands.addPath(command) }],
  ['add-matcher', { hidden: false, run: (command, commands) => commands.addMatcher(command) }],
  ['remove-matcher', { hidden: false, run: (command, commands) => commands.removeMatcher(command) }],
]);

/** Longer stop tokens are masked for the rest of the job. */
const MIN_MASKED_TOKEN = 6;
