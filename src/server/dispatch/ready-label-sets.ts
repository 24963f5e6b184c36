import type { OperationContext } from '../operation.ts';
import { wantedLabels } from './label-set.ts';

export interface LabelSet {
  readonly id: number;
  readonly labels: readonly string[];
}

/** Label sets that something is queued for. All that ever were may be many: a run can ask for a label of its own. */
export async function readyLabelSets({ db }: OperationContext): Promise<{ readonly labelSets: readonly LabelSet[] }> {
  const rows = await db
    .selectFrom('label_set')
    .selectAll()
    .where('id', 'in', (query) => query.selectFrom('ready').select('label_set_id'))
    .orderBy('id')
    .execute();
  return { labelSets: rows.map(({ id, labels }) => ({ id, labels: wantedLabels(labels) })) };
}
