/**
 * Main: puts the console into the page.
 *
 * @module
 */

import { render } from 'preact';

import { applyTheme } from './parts/theme.tsx';
import { App } from './views/app.tsx';

applyTheme();
const place = document.getElementById('console');
if (place !== null) render(<App />, place);
