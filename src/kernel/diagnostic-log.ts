import type { Logger } from 'winston';

/** Values beside a message: ids and numbers, no output of steps. */
export interface DiagnosticFields {
  readonly [name: string]: string | number | boolean | null;
}

/**
 * What Paceline itself has to say to whoever runs it: JSON, one object a line. Never throws; a line that cannot be
 * written is lost.
 */
export interface DiagnosticLog {
  error(message: string, fields?: DiagnosticFields): void;
  warn(message: string, fields?: DiagnosticFields): void;
  info(message: string, fields?: DiagnosticFields): void;
  debug(message: string, fields?: DiagnosticFields): void;
  /** The same log with fields in every line, and with `mask` for every text in it, on top of its own. */
  child(fields: DiagnosticFields, mask: (text: string) => string): DiagnosticLog;
}

export type DiagnosticLevel = 'error' | 'warn' | 'info' | 'debug';

export interface DiagnosticLogOptions {
  /** Each level has what the ones before it have. */
  readonly level: 'off' | DiagnosticLevel;
  /** Appended to; null is standard error. */
  readonly file: string | null;
}

export interface OpenDiagnosticLog extends DiagnosticLog {
  /** Resolves when everything is written. Any number of times. */
  close(): Promise<void>;
}

/** Loads winston only when there is something to write. */
export async function openDiagnosticLog({ level, file }: DiagnosticLogOptions): Promise<OpenDiagnosticLog> {
  if (level === 'off') return SILENT_LOG;
  const { createLogger, format, transports } = await import('winston');
  const destination =
    file === null
      ? new transports.Console({ stderrLevels: ['error', 'warn', 'info', 'debug'], forceConsole: false })
      : new transports.File({ filename: file });
  // A diagnostic log that cannot be written must not end what it is about.
  destination.on('error', () => undefined);
  const logger = createLogger({
    level,
    levels: { error: 0, warn: 1, info: 2, debug: 3 },
    format: format.combine(format.timestamp(), format.json()),
    // Its own types declare its transports as interfaces, not as the class they are instances of.
    // eslint-disable-next-line @typescript-eslint/no-unsafe-class-instance-assignment
    transports: [destination],
  });
  logger.on('error', () => undefined);
  let closed: Promise<void> | null = null;
  return {
    ...logOn(logger, {}, (text) => text),
    close: () => (closed ??= flush(logger, destination)),
  };
}

const nothing = (): void => undefined;

export const SILENT_LOG: OpenDiagnosticLog = {
  error: nothing,
  warn: nothing,
  info: nothing,
  debug: nothing,
  child: () => SILENT_LOG,
  close: () => Promise.resolve(),
};

function logOn(logger: Logger, own: DiagnosticFields, mask: (text: string) => string): DiagnosticLog {
  const write = (level: DiagnosticLevel, message: string, fields: DiagnosticFields = {}): void => {
    if (!logger.isLevelEnabled(level)) return;
    const masked = Object.entries({ ...own, ...fields }).map(([name, value]) => {
      return [name, typeof value === 'string' ? mask(value) : value] as const;
    });
    logger.log({ ...Object.fromEntries(masked), level, message: mask(message) });
  };
  return {
    error: (message, fields) => write('error', message, fields),
    warn: (message, fields) => write('warn', message, fields),
    info: (message, fields) => write('info', message, fields),
    debug: (message, fields) => write('debug', message, fields),
    child: (fields, innerMask) => logOn(logger, { ...own, ...fields }, (text) => mask(innerMask(text))),
  };
}

function flush(logger: Logger, destination: NodeJS.EventEmitter): Promise<void> {
  return new Promise((resolve) => {
    destination.once('finish', () => resolve());
    destination.once('error', () => resolve());
    logger.end();
  });
}
