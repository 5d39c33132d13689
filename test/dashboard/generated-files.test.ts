/**
 * The dashboard, the rules and the page of alerts are those of the metric table.
 *
 * @module
 */

import { readFileSync } from 'node:fs';

import { metricDescriptions } from '@holdfast/prometheus';
import { describe, expect, it } from 'vitest';

import { inRepository } from '../repository.ts';
import { alerts } from './alerts.ts';
import { formatted, generatedFiles } from './generated-files.ts';
import { metricsIn, selector } from './metric-query.ts';
import { panelRows } from './panels.ts';

describe('generated files', () => {
  it.each(generatedFiles().map((file) => [file.path, file] as const))(
    '%s is up to date: npm run dashboard',
    (path, file) => {
      expect(readFileSync(inRepository(path), 'utf8')).toBe(formatted(file));
    },
  );

  it('the dashboard shows every metric', () => {
    const queries = panelRows().flatMap(({ panels }) => panels.flatMap((panel) => panel.queries));
    const shown = new Set(queries.flatMap(({ expr }) => metricsIn(expr)));

    expect(metricDescriptions.map(({ name }) => name).filter((name) => !shown.has(name))).toEqual([]);
  });

  it('the dashboard puts instances together as the table says, and what all of them count counts once', () => {
    const panels = panelRows().find(({ title }) => title === 'Everything else')?.panels ?? [];
    const wrong = panels.flatMap(({ queries }) =>
      queries.filter(({ expr }) => {
        const metric = metricDescriptions.find(({ name }) => name === metricsIn(expr)[0]);
        return metric?.type !== 'histogram' && !expr.startsWith(`${metric?.aggregator} by (`);
      }),
    );

    expect(wrong).toEqual([]);
    expect(panels.flatMap(({ queries }) => queries.map(({ expr }) => expr))).toContainEqual(
      expect.stringMatching(/^max by \(feature\) \(rate\(holdfast_feature_changes_total/),
    );
  });

  it('names no metric and no label that is not in the table', () => {
    expect(() => selector('circuits_state')).toThrow('there is no metric circuits_state');
    expect(() => selector('circuit_state', 'outcome="failure"')).toThrow('circuit_state has no label outcome');
    for (const { expr } of alerts) {
      const ours = [...expr.matchAll(/\bholdfast_\w+/g)].map(([name]) => name);
      expect(metricsIn(expr).length).toBe(new Set(ours.filter((name) => !expr.includes(`:${name}:`))).size);
    }
  });

  it('every alert has a name of its own, an end to its advice, and says when it fires', () => {
    expect(new Set(alerts.map(({ name }) => name)).size).toBe(alerts.length);
    for (const { name, meaning, steps } of alerts) {
      expect(name).toMatch(/^Holdfast[A-Z]\w+$/);
      expect(meaning).toMatch(/\.$/);
      for (const step of steps) expect(step).toMatch(/[.?]$/);
    }
  });
});
