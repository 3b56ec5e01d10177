import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Plugin } from 'vite';

/** Writes the licences of what is delivered with the pages: those of `dependencies`, all of which end up in the build. */
export function licenses(): Plugin {
  return {
    name: 'licenses',
    apply: 'build',
    async generateBundle() {
      const { dependencies } = JSON.parse(await readFile('package.json', 'utf8')) as { dependencies: Record<string, string> };
      const texts = await Promise.all(Object.entries(dependencies).map(([name, version]) => licence(name, version)));
      this.emitFile({ type: 'asset', fileName: 'licenses.txt', source: texts.join('\n\n') });
    },
  };
}

async function licence(name: string, version: string): Promise<string> {
  const folder = join('node_modules', name);
  const file = (await readdir(folder)).find((one) => /^licen[cs]e/i.test(one));
  if (file === undefined) throw new Error(`${name} brings no licence file: find out whether it may be delivered`);
  return `== ${name} ${version} ==\n\n${await readFile(join(folder, file), 'utf8')}`;
}
