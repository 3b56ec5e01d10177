import { readFile } from 'node:fs/promises';
import type { Plugin } from 'vite';
import { docPage } from '../src/core/doc-page.ts';

/** Makes modules of the user documentation: `import page from '…/sources.md'` gives a `DocPage`. */
export function markdown(): Plugin {
  return {
    name: 'markdown',
    async load(id) {
      if (!id.endsWith('.md')) return undefined;
      this.addWatchFile(id);
      return `export default ${JSON.stringify(docPage(await readFile(id, 'utf8')))};`;
    },
  };
}
