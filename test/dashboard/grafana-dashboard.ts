/**
 * Grafana dashboard: the panels as Grafana imports them, with a data source, services and policies to choose from.
 *
 * @module
 */

import { selector } from './metric-query.ts';
import { type Panel, panelRows } from './panels.ts';

/** Returns the dashboard as JSON. */
export function grafanaDashboard(): string {
  const dashboard = {
    uid: 'holdfast',
    title: 'Holdfast',
    tags: ['holdfast'],
    schemaVersion: 39,
    editable: true,
    refresh: '10s',
    time: { from: 'now-1h', to: 'now' },
    templating: { list: variables },
    panels: placedPanels(),
  };
  return `${JSON.stringify(dashboard, undefined, 2)}\n`;
}

// --- internal ---

const datasource = { type: 'prometheus', uid: '${datasource}' };

const variables = [
  { name: 'datasource', label: 'Data source', type: 'datasource', query: 'prometheus' },
  variable('service', 'Service', `label_values(${selector('calls_in_flight')}, job)`),
  variable('policy', 'Policy', `label_values(${selector('calls_in_flight', 'job=~"$service"')}, name)`),
];

function variable(name: string, label: string, query: string) {
  return {
    name,
    label,
    type: 'query',
    datasource,
    query: { query, refId: name },
    definition: query,
    refresh: 2,
    multi: true,
    includeAll: true,
    allValue: '.*',
    current: { text: 'All', value: '$__all' },
  };
}

const WIDTH = 8;
const HEIGHT = 8;
const PER_LINE = 3;

function placedPanels(): object[] {
  const placed: object[] = [];
  let y = 0;
  for (const { title, panels } of panelRows()) {
    placed.push({
      id: placed.length + 1,
      type: 'row',
      title,
      collapsed: false,
      gridPos: { x: 0, y, w: 24, h: 1 },
      panels: [],
    });
    y++;
    for (const [at, panel] of panels.entries()) {
      const x = (at % PER_LINE) * WIDTH;
      const line = Math.floor(at / PER_LINE);
      placed.push(grafanaPanel(panel, placed.length + 1, { x, y: y + line * HEIGHT, w: WIDTH, h: HEIGHT }));
    }
    y += Math.ceil(panels.length / PER_LINE) * HEIGHT;
  }
  return placed;
}

function grafanaPanel({ title, kind, unit, description, queries }: Panel, id: number, gridPos: object): object {
  return {
    id,
    type: kind === 'states' ? 'state-timeline' : 'timeseries',
    title,
    ...(description !== undefined && { description }),
    datasource,
    gridPos,
    fieldConfig: {
      defaults: { unit, min: 0, ...(kind === 'states' && { mappings: [stateMapping], color: { mode: 'thresholds' } }) },
      overrides: [],
    },
    targets: queries.map(({ expr, legend }, at) => ({
      refId: String.fromCodePoint(65 + at),
      datasource,
      expr,
      legendFormat: legend,
    })),
  };
}

const stateMapping = {
  type: 'value',
  options: {
    '0': { index: 0, text: 'closed', color: 'green' },
    '1': { index: 1, text: 'forced closed', color: 'blue' },
    '2': { index: 2, text: 'half-open', color: 'yellow' },
    '3': { index: 3, text: 'open', color: 'red' },
    '4': { index: 4, text: 'forced open', color: 'purple' },
  },
};
