import type { OperationContext } from '../operation.ts';
import { wantedLabels } from './label-set.ts';

export interface LabelSet {
  readonly id: number;
  readonly labels: readonly string[];
}

/** All there are: few, and they never change. */
export async function listLabelSets({ db }: OperationContext): Promise<{ readonly labelSets: readonly LabelSet[] }> {
  const rows = await db.selectFrom('label_set').selectAll().orderBy('id').execute();
  return { labelSets: rows.map(({ id, labels }) => ({ id, labels: wantedLabels(labels) })) };
}

/** Label sets that something is queued for. */
export async function readyLabelSets({ db }: OperationContext): Promise<{ readonly labelSets: readonly number[] }> {
  const rows = await db.selectFrom('ready').select('label_set_id').distinct().execute();
  return { labelSets: rows.map(({ label_set_id }) => label_set_id) };
}
