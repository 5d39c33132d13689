/**
 * Alerts: all of them, the most urgent first.
 *
 * @module
 */

import type { Alert } from './alert.ts';
import { circuitAlerts } from './circuit-alerts.ts';
import { workAlerts } from './work-alerts.ts';

/** Every alert. */
export const alerts: readonly Alert[] = [...circuitAlerts, ...workAlerts];
