import { defineConfig } from 'vite';
import { compress } from './build/compress.ts';
import { licenses } from './build/licenses.ts';
import { markdown } from './build/markdown.ts';

/** Where `npm run dev` finds a running Afterglow. */
const server = process.env.AFTERGLOW ?? 'http://127.0.0.1:18080';

export default defineConfig({
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: {
    target: 'es2022',
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    rolldownOptions: {
      // What most pages need is one file, not twenty: a page costs few round trips.
      output: { codeSplitting: { groups: [{ name: 'shared', test: /src\/(api|app|components|core)\/|src\/help/, minShareCount: 3 }] } },
    },
  },
  plugins: [licenses(), markdown(), compress()],
  server: { fs: { allow: ['.', '../docs'] }, proxy: Object.fromEntries(['/api', '/clusters'].map((path) => [path, server])) },
});
