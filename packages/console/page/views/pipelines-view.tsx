/**
 * Pipelines view: each pipeline as boxes in boxes, outermost first, with what its calls came to.
 *
 * @module
 */

import type { VNode } from 'preact';

import type { Pipeline, PolicyNode } from '../api/answers.ts';
import { pipelineRowOf, ratesOf } from '../state/rates.ts';
import { amount, duration, percent } from '../state/formats.ts';
import { fragmentOf } from '../state/place.ts';
import { LatencyChart, OutcomeChart } from '../parts/charts.tsx';
import { useConsole } from './console-context.ts';
import { PolicyBoxes } from './policy-boxes.tsx';
import { PolicyPanel } from './policy-panel.tsx';

/** The view; `chosen` is the id of a policy in one of the pipelines. */
export function PipelinesView({ chosen }: { readonly chosen: string | undefined }): VNode {
  const { state } = useConsole();
  const policy = chosen === undefined ? undefined : findPolicy(state.pipelines, chosen);
  return (
    <div class="view split">
      <section class="list scroll" aria-label="All pipelines">
        {state.pipelines.length === 0 && <p class="empty">There are no pipelines: calls go through single policies.</p>}
        <div class="pipelines">
          {state.pipelines.map((pipeline) => (
            <PipelineCard key={pipeline.id} pipeline={pipeline} chosen={chosen} />
          ))}
        </div>
      </section>
      {policy !== undefined && <PolicyPanel key={chosen} policy={policy} closesTo={fragmentOf('pipelines')} />}
    </div>
  );
}

// --- internal ---

function findPolicy(pipelines: readonly Pipeline[], id: string): PolicyNode | undefined {
  const find = (nodes: readonly PolicyNode[]): PolicyNode | undefined => {
    for (const node of nodes) {
      const found = node.id === id ? node : find(node.policies);
      if (found !== undefined) return found;
    }
    return undefined;
  };
  return find(pipelines.flatMap(({ policies }) => policies));
}

function PipelineCard({
  pipeline,
  chosen,
}: {
  readonly pipeline: Pipeline;
  readonly chosen: string | undefined;
}): VNode {
  const { worstCase, warnings } = pipeline;
  const runs =
    worstCase.maxRuns === null ? 'any number of runs' : `${worstCase.maxRuns} run${worstCase.maxRuns === 1 ? '' : 's'}`;
  return (
    <article class="pipeline" aria-label={`Pipeline ${pipeline.name}`}>
      <header>
        <h2>{pipeline.name}</h2>
        <p class="hint" title={`${worstCase.whyRuns}; ${worstCase.whyTime}`}>
          at most {runs}, {duration(worstCase.maxTimeMs)}
        </p>
      </header>
      <PipelineFigures pipeline={pipeline} />
      <PolicyBoxes policies={pipeline.policies} chosen={chosen} />
      {warnings.map(({ code, message, advice }) => (
        <details key={`${code} ${message}`} class="warning">
          <summary>{message}</summary>
          <p>{advice}</p>
        </details>
      ))}
    </article>
  );
}

function PipelineFigures({ pipeline: { id } }: { readonly pipeline: Pipeline }): VNode {
  const { samples } = useConsole().state;
  const rowOf = pipelineRowOf(id);
  const rates = ratesOf(samples.slice(-10), rowOf);
  const latencies = samples.findLast((sample) => sample.latencies[id] !== undefined)?.latencies[id];
  const view = { count: 60, width: 200, height: 36 };
  return (
    <div class="pipeline-figures">
      <div>
        <OutcomeChart samples={samples} rowOf={rowOf} view={view} label="Calls, last minute" />
        <p class="caption">
          <b>{amount(rates.callsPerSecond)}</b>/s ·{' '}
          <b class={rates.failureRatio >= 0.1 ? 'bad' : ''}>{percent(rates.failureRatio)}</b> failed ·{' '}
          <b>{amount(rates.refusedPerSecond)}</b>/s refused
        </p>
      </div>
      <div>
        <LatencyChart samples={samples} id={id} view={view} label="Latency, last minute" />
        <p class="caption">
          {latencies === undefined ? (
            'no calls measured yet'
          ) : (
            <>
              {(['p50', 'p95', 'p99'] as const).map((name, index) => (
                <span key={name}>
                  {name} <b>{duration(latencies[index])}</b>{' '}
                </span>
              ))}
            </>
          )}
        </p>
      </div>
    </div>
  );
}
