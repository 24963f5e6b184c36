/** The rules for Prometheus and the dashboard for Grafana: they ask for what a server tells, and for nothing else. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { METRICS } from '../../src/server/observe/metric-table.ts';
import { openMetrics } from '../../src/server/observe/open-metrics.ts';
import { describeProgram, programPath } from '../support/describe-program.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const read = (path: string): string => readFileSync(`${root}${path}`, 'utf8');

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly for?: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}
interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly datasource?: { readonly uid: string };
  readonly targets?: readonly { readonly refId: string; readonly expr: string; readonly legendFormat: string }[];
}
interface Dashboard {
  readonly uid: string;
  readonly title: string;
  readonly schemaVersion: number;
  readonly templating: { readonly list: readonly { readonly name: string; readonly query: unknown }[] };
  readonly panels: readonly Panel[];
}

const { groups } = parse(read('monitoring/prometheus-rules.yml')) as {
  groups: readonly { readonly name: string; readonly rules: readonly Rule[] }[];
};
const rules = groups.flatMap((group) => group.rules);
const dashboard = JSON.parse(read('monitoring/grafana-dashboard.json')) as Dashboard;

/** Every series that a server has, with the labels it may have. */
const series = new Map<string, ReadonlySet<string>>([['up', new Set(['job', 'instance'])]]);
/** What Prometheus adds to each. */
const SCRAPED = ['job', 'instance'];
beforeAll(async () => {
  const metrics = await openMetrics(() => null, tmpdir());
  const { text } = await metrics.page();
  metrics.close();
  for (const [, name, kind] of text.matchAll(/^# TYPE (\S+) (\S+)$/gm)) {
    const own = METRICS[name!.slice('paceline_'.length)]?.labels ?? [];
    const shown = [...text.matchAll(new RegExp(`^${name!}\\{(.*)\\} `, 'gm'))].flatMap(([, labels]) =>
      [...labels!.matchAll(/(\w+)=/g)].map(([, label]) => label!),
    );
    const labels = [...SCRAPED, ...own, ...shown];
    if (kind === 'histogram') {
      series.set(`${name!}_bucket`, new Set([...labels, 'le']));
      for (const end of ['_sum', '_count']) series.set(`${name!}${end}`, new Set(labels));
    } else series.set(name!, new Set(labels));
  }
});

/** The names of series in an expression, with the labels that are asked for. */
function asked(expression: string): { readonly name: string; readonly labels: readonly string[] }[] {
  const found = [...expression.matchAll(/\b(paceline_\w+|up)\b(?:\{([^}]*)\})?/g)];
  return found.map(([, name, matchers = '']) => ({
    name: name!,
    labels: [...matchers.matchAll(/(\w+)\s*(?:=~|!~|!=|=)/g)].map(([, label]) => label!),
  }));
}

function expectKnown(expression: string): void {
  const names = asked(expression);
  expect(names.length).toBeGreaterThan(0);
  for (const { name, labels } of names) {
    expect([...series.keys()]).toContain(name);
    for (const label of labels) expect([...(series.get(name) ?? [])]).toContain(label);
  }
  // What is summed up by belongs to at least one of them.
  const all = new Set(names.flatMap(({ name }) => [...(series.get(name) ?? [])]));
  for (const [, by] of expression.matchAll(/\bby \(([^)]*)\)/g))
    for (const label of by!.split(',')) expect([...all]).toContain(label.trim());
}

describe('the rules for Prometheus', () => {
  it.each(rules.map((rule) => [rule.alert, rule] as const))('%s asks for what a server tells', (_name, { expr }) => {
    expectKnown(expr);
  });

  it.each(rules.map((rule) => [rule.alert, rule] as const))(
    '%s says how much it matters, what is wrong and what to do',
    (_name, { labels, annotations }) => {
      expect(['page', 'warning']).toContain(labels.severity);
      expect(Object.keys(annotations).sort()).toEqual(['description', 'summary']);
      expect(annotations.description).toMatch(/\.$/);
    },
  );

  it('have names of their own, each of which is in docs/operate.md', () => {
    expect(new Set(rules.map(({ alert }) => alert)).size).toBe(rules.length);
    for (const { alert } of rules) expect(read('docs/operate.md')).toContain(`\`${alert}\``);
  });
});

describeProgram('promtool', 'the rules in promtool', () => {
  const promtool = (...args: string[]): { status: number | null; output: string } => {
    const { status, stdout, stderr } = spawnSync(programPath('promtool') ?? '', args, { encoding: 'utf8' });
    return { status, output: `${stdout}${stderr}` };
  };

  it('are rules', () => {
    const { status, output } = promtool('check', 'rules', `${root}monitoring/prometheus-rules.yml`);
    expect({ status, output }).toEqual({ status: 0, output: expect.stringContaining(`${rules.length} rules found`) });
  });

  it('fire when something is wrong, each of them, and not otherwise', () => {
    const cases = fileURLToPath(new URL('rules-cases.yml', import.meta.url));
    expect(read('test/monitoring/rules-cases.yml')).toContain(`exp_samples: [{ value: ${rules.length} }]`);
    expect(promtool('test', 'rules', cases)).toEqual({ status: 0, output: expect.stringContaining('SUCCESS') });
  });
});

describe('the dashboard for Grafana', () => {
  const { panels, templating } = dashboard;

  it.each(panels.flatMap(({ title, targets = [] }) => targets.map(({ expr }) => [title, expr] as const)))(
    '%s asks for what a server tells: %s',
    (_title, expr) => {
      expectKnown(expr.replaceAll('$__rate_interval', '5m'));
    },
  );

  it('is one that Grafana imports: names, ids, places, sources', () => {
    expect(dashboard).toMatchObject({ uid: 'paceline', title: 'Paceline', schemaVersion: expect.any(Number) });
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    const cells = new Set<string>();
    for (const { type, title, gridPos, datasource, targets = [] } of panels) {
      expect(title).not.toBe('');
      expect(['row', 'stat', 'timeseries']).toContain(type);
      expect(gridPos.x + gridPos.w).toBeLessThanOrEqual(24);
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++)
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
          expect(cells).not.toContain(`${x},${y}`);
          cells.add(`${x},${y}`);
        }
      if (type === 'row') continue;
      expect(datasource?.uid).toBe('${datasource}');
      expect(targets.length).toBeGreaterThan(0);
      expect(new Set(targets.map(({ refId }) => refId)).size).toBe(targets.length);
    }
  });

  it('has every variable that it uses', () => {
    const names = new Set(templating.list.map(({ name }) => name));
    const used = [...JSON.stringify(panels).matchAll(/\$\{?(\w+)/g)].map(([, name]) => name!);
    expect(new Set(used.filter((name) => name !== '__rate_interval'))).toEqual(names);
    for (const { query } of templating.list) if (typeof query === 'object') expectKnown(JSON.stringify(query));
  });
});
