import { count } from '../core/format';
import './progress.css';

interface Props {
  done: number;
  total: number;
  failed?: number;
  killed?: number;
  running?: number;
  skipped?: number;
  unit: string;
}

/** How many of how many, as a bar and in words. Failed attempts come on top of what has to be done. */
export function Progress({ done, total, failed = 0, killed = 0, running = 0, skipped = 0, unit }: Props) {
  const all = Math.max(1, total);
  const share = (n: number) => ({ width: `${(Math.min(n, all) / all) * 100}%` });
  const said = [
    `${count(done)} of ${count(total)} ${unit} done`,
    running > 0 && `${count(running)} running`,
    skipped > 0 && `${count(skipped)} skipped`,
    failed > 0 && `${count(failed)} failed`,
    killed > 0 && `${count(killed)} killed`,
  ].filter(Boolean);
  return (
    <span class="progress" title={said.join('\n')}>
      <span class={`progress-bar${failed > 0 ? ' failed' : ''}`} aria-hidden="true">
        <span class="ok" style={share(done)} />
        <span class="run" style={share(running)} />
      </span>
      <span class="num">
        {count(done)}<span class="muted">/{count(total)}</span>
      </span>
      {failed > 0 && <span class="progress-failed num">{count(failed)} failed</span>}
      {skipped > 0 && <span class="muted num">{count(skipped)} skipped</span>}
    </span>
  );
}
