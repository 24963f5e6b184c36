import { isMap, said } from './fields.ts';

/** As written; what its members mean is looked at when it is run. */
export interface FlowCase {
  readonly id: string;
  readonly body: Readonly<Record<string, unknown>>;
}

/** Why a file is no file of cases: a sentence. */
export class CaseFileProblem extends Error {
  override readonly name = 'CaseFileProblem';
}

const FORMAT = 1;
const BYTE_ORDER_MARK = /^\uFEFF/;

/** Reads the text of a file of cases. @throws CaseFileProblem */
export function readCaseFile(text: string): FlowCase[] {
  const file = parse(text);
  if (!isMap(file) && !Array.isArray(file))
    throw new CaseFileProblem(`it has to be an object with a list 'cases', not ${said(file)}`);
  const format: unknown = isMap(file) ? (file['format'] ?? FORMAT) : FORMAT;
  if (format !== FORMAT) throw new CaseFileProblem(`its format is ${said(format)}; ${FORMAT} is understood`);
  const cases: unknown = isMap(file) ? file['cases'] : file;
  if (!Array.isArray(cases)) throw new CaseFileProblem(`it has no list 'cases'`);
  return cases.map((body: unknown, index) => {
    if (!isMap(body)) throw new CaseFileProblem(`case ${index + 1} is no object but ${said(body)}`);
    const id = body['id'] ?? `case ${index + 1}`;
    if (typeof id !== 'string') throw new CaseFileProblem(`the id of case ${index + 1} is no text but ${said(id)}`);
    if (!Array.isArray(body['jobs'])) throw new CaseFileProblem(`case '${id}' has no list 'jobs'`);
    if (!isMap(body['expect'])) throw new CaseFileProblem(`case '${id}' expects nothing: it has no object 'expect'`);
    return { id, body };
  });
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text.replace(BYTE_ORDER_MARK, '')) as unknown;
  } catch (error) {
    throw new CaseFileProblem(`it is not JSON: ${(error as Error).message}`, { cause: error });
  }
}
