import { render } from 'preact';
import { App } from './app/app';
import { startRouter } from './core/router';
import { startShortcuts } from './core/shortcuts';
import { isPage } from './pages';
import './styles/font.css';
import './styles/tokens.css';
import './styles/base.css';

startRouter(isPage);
startShortcuts();
render(<App />, document.body);
