/**
 * Routes: what the API shows and changes. One table; everything about a path is in its row: who may, what its body must look
 * like, what it answers. What is checked, what is published and what is documented come from here.
 *
 * @module
 */

import { objectOf, refTo } from './answer-schemas.ts';
import {
  authorOnly,
  explanationTarget,
  hold,
  modeChange,
  optionChange,
  optionDifference,
  release,
  restoration,
} from './body-schemas.ts';
import { openApiOf } from './open-api.ts';
import { Problem } from './problem.ts';
import {
  changeOptions,
  diffOptions,
  explain,
  explainFor,
  holdCircuit,
  index,
  listCircuits,
  listFeatures,
  listPipelines,
  listPolicies,
  releaseCircuit,
  restoreMode,
  setMode,
  showAudit,
  showBrownout,
  showCircuit,
  showFeature,
  showHistory,
  showPipeline,
  showPolicy,
  undoAction,
  watch,
} from './handlers.ts';
import { type Route, type RouteMethod, allowedMethods } from './route.ts';

const showIndex: RouteMethod = {
  operationId: 'showIndex',
  about: 'What there is, and the role of your token',
  handler: (call) => ({ ...index(call), routes: shownRoutes() }),
  answer: refTo('Index'),
};

/** All paths. */
export const routes: readonly Route[] = Object.freeze<Route[]>([
  { path: '/', about: 'These routes', methods: { GET: showIndex } },
  {
    path: '/openapi.json',
    about: 'This API as an OpenAPI 3.1 document',
    methods: {
      GET: {
        operationId: 'showOpenApi',
        about: 'This API as an OpenAPI 3.1 document',
        handler: () => openApiOf(routes),
        answer: refTo('OpenApi'),
      },
    },
  },
  {
    path: '/circuits',
    about: 'All circuit breakers',
    methods: { GET: reading('listCircuits', 'All circuit breakers', listCircuits, 'Circuits') },
  },
  {
    path: '/circuits/{name}',
    about: 'One circuit breaker',
    methods: { GET: reading('showCircuit', 'One circuit breaker, by its id', showCircuit, 'Circuit', [404]) },
  },
  {
    path: '/circuits/{name}/hold',
    about: 'PUT holds a circuit open or closed for a limited time, here or in all processes; DELETE releases it',
    methods: {
      PUT: {
        operationId: 'holdCircuit',
        about: 'Holds a circuit open or closed for a limited time; the circuit afterwards, and who confirmed it',
        handler: holdCircuit,
        isChange: true,
        body: hold,
        answer: refTo('HeldCircuit'),
        refusals: [404, 409, 503, 504],
      },
      DELETE: {
        operationId: 'releaseCircuit',
        about: 'Ends the hold; the circuit afterwards, and who confirmed it',
        handler: releaseCircuit,
        isChange: true,
        body: release,
        answer: refTo('HeldCircuit'),
        refusals: [404, 409, 503, 504],
      },
    },
  },
  {
    path: '/features',
    about: 'All features',
    methods: { GET: reading('listFeatures', 'All features', listFeatures, 'Features') },
  },
  {
    path: '/features/{name}',
    about: 'One feature; PUT sets a mode for a limited time, DELETE ends overrides',
    methods: {
      GET: reading('showFeature', 'One feature', showFeature, 'Feature', [404]),
      PUT: {
        operationId: 'setMode',
        about: 'Sets a mode for a limited time; the feature afterwards',
        handler: setMode,
        isChange: true,
        body: modeChange,
        answer: refTo('Feature'),
        refusals: [404, 409, 503],
      },
      DELETE: {
        operationId: 'restoreMode',
        about: 'Ends overrides; the feature afterwards',
        handler: restoreMode,
        isChange: true,
        body: restoration,
        answer: refTo('Feature'),
        refusals: [404, 409, 503],
      },
    },
  },
  {
    path: '/features/{name}/explanation',
    about: 'Why a feature is in its mode; POST says why for one user, and changes nothing',
    methods: {
      GET: reading('explainMode', 'Why a feature is in its mode', explain, 'Explanation', [404]),
      POST: {
        operationId: 'explainModeFor',
        about: 'Why a feature is in its mode for one user; changes nothing',
        handler: explainFor,
        body: explanationTarget,
        answer: refTo('Explanation'),
        refusals: [404],
      },
    },
  },
  {
    path: '/brownout',
    about: 'The brownout level, and why it is what it is',
    methods: { GET: reading('showBrownout', 'The brownout level, and why', showBrownout, 'Brownout') },
  },
  {
    path: '/pipelines',
    about: 'All pipelines: how calls ended, worst case, warnings',
    methods: { GET: reading('listPipelines', 'All pipelines', listPipelines, 'Pipelines') },
  },
  {
    path: '/pipelines/{name}',
    about: 'One pipeline',
    methods: { GET: reading('showPipeline', 'One pipeline', showPipeline, 'Pipeline', [404]) },
  },
  {
    path: '/policies',
    about: 'All policies, those in pipelines and those per key included',
    methods: { GET: reading('listPolicies', 'All policies', listPolicies, 'Policies') },
  },
  {
    path: '/policies/{id}',
    about: 'One policy with its options; PATCH changes options while calls run',
    methods: {
      GET: reading('showPolicy', 'One policy with its options and counters', showPolicy, 'Policy', [404]),
      PATCH: {
        operationId: 'changeOptions',
        about: 'Changes options while calls run; the policy afterwards',
        handler: changeOptions,
        isChange: true,
        body: optionChange,
        answer: refTo('Policy'),
        refusals: [404, 409],
      },
    },
  },
  {
    path: '/policies/{id}/difference',
    about: 'POST says what a change of options would do, and changes nothing',
    methods: {
      POST: {
        operationId: 'diffOptions',
        about: 'What a change of options would do; changes nothing',
        handler: diffOptions,
        body: optionDifference,
        answer: refTo('Difference'),
        refusals: [404, 409],
      },
    },
  },
  {
    path: '/audit',
    about: 'The last changes, oldest first: of features, and all that was done here',
    methods: { GET: reading('showAudit', 'The last changes, oldest first', showAudit, 'Audit') },
  },
  {
    path: '/actions/{id}/undo',
    about: 'POST undoes an action of the audit',
    methods: {
      POST: {
        operationId: 'undoAction',
        about: 'Undoes an action; the action that did so',
        handler: undoAction,
        isChange: true,
        body: authorOnly,
        answer: objectOf({ action: refTo('Action') }),
        refusals: [404, 409, 503, 504],
      },
    },
  },
  {
    path: '/history',
    about: 'States of circuits over time, and the last samples',
    methods: { GET: reading('showHistory', 'States over time, and the last samples', showHistory, 'History') },
  },
  {
    path: '/events',
    about: 'What changes, as a stream of events',
    methods: {
      GET: {
        operationId: 'watch',
        about: 'What changes, as a stream of events',
        handler: watch,
        query: { lastEventId: 'The id after which to go on, for clients that cannot send Last-Event-ID' },
        answer: refTo('Stream'),
        answerType: 'text/event-stream',
        refusals: [503],
      },
    },
  },
]);

/** Finds the route of a path, and what stands for `{name}` in it. Undefined where there is none. */
export function findRoute(path: string): { readonly route: Route; readonly name: string } | undefined {
  for (const route of routes) {
    if (route.path === path) return { route, name: '' };
    const [before = '', after] = route.path.split(/\{\w+\}/);
    if (after === undefined || !path.startsWith(before) || !path.endsWith(after)) continue;
    const segment = path.slice(before.length, path.length - after.length);
    if (segment !== '' && !segment.includes('/')) return { route, name: decode(segment) };
  }
  return undefined;
}

// --- internal ---

/** A GET that takes nothing. */
// oxlint-disable-next-line max-params -- the columns of a row
function reading(
  operationId: string,
  about: string,
  handler: RouteMethod['handler'],
  answer: string,
  refusals: readonly number[] = [],
): RouteMethod {
  return { operationId, about, handler, answer: refTo(answer), refusals };
}

function shownRoutes(): readonly object[] {
  return routes.map((route) => ({ path: route.path, methods: allowedMethods(route).split(', '), about: route.about }));
}

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    throw new Problem(400, 'the path must be percent-encoded UTF-8', { code: 'INVALID_PATH' });
  }
}
