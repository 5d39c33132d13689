/**
 * Main: puts the console into the page.
 *
 * @module
 */

import { render } from 'preact';

import { App } from './views/app.tsx';

const place = document.getElementById('console');
if (place !== null) render(<App />, place);
