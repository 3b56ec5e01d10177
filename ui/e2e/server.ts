import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';

/** A demo of its own for a test, with settings of its own. */
export interface Server {
  url: string;
  folder: string;
  stop: () => Promise<void>;
}

/** The binary that `cargo build` made: tests/pages.sh says which. */
const BINARY = resolve(process.env.AFTERGLOW_BINARY ?? '../target/debug/afterglow');

export async function demo(settings: string, env: Record<string, string> = {}): Promise<Server> {
  const folder = await mkdtemp(join(tmpdir(), 'afterglow-pages-'));
  await writeFile(join(folder, 'afterglow.toml'), settings);
  const child = spawn(BINARY, ['demo', '--listen', '127.0.0.1:0'], { cwd: folder, env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = new Promise<void>((done) => child.once('exit', () => done()));
  const said: string[] = [];
  const url = await new Promise<string>((found, failed) => {
    const look = (line: string) => {
      said.push(line);
      const address = /serving on (http:\S+)/.exec(line)?.[1];
      if (address !== undefined) found(address);
    };
    createInterface({ input: child.stdout }).on('line', look);
    createInterface({ input: child.stderr }).on('line', look);
    child.once('error', failed);
    child.once('exit', () => failed(new Error(`the demo ended:\n${said.join('\n')}`)));
  });
  const stop = async () => {
    child.kill();
    await ended;
    await rm(folder, { recursive: true, force: true });
  };
  return { url: url.replace(/\/$/, ''), folder, stop };
}
