import { isPage } from '../../pages';
import type { Lane } from './lanes';

/** A lane taller than the view keeps its name in view. */
export function LaneName({ lane, top, height, scroll }: { lane: Lane; top: number; height: number; scroll: number }) {
  const shift = Math.max(0, Math.min(scroll - top, height - 40));
  return (
    <div class="timeline-lane" style={{ top: `${top}px`, height: `${height}px` }} title={lane.sub ? `${lane.title}\n${lane.sub}` : lane.title}>
      <div style={{ transform: `translateY(${shift}px)` }}>
        {lane.href && isPage(lane.href.split('?')[0] ?? '') ? <a href={lane.href} class="clip">{lane.title}</a> : <span class="clip">{lane.title}</span>}
        {lane.sub && height > 40 && <span class="clip muted">{lane.sub}</span>}
      </div>
    </div>
  );
}
