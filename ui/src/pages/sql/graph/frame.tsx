import * as f from '../../../core/format';
import type { Frame as FrameOf } from '../plan/layout';
import { flags, metricOf } from '../plan/metric';
import type { Plan } from '../plan/plan';

interface Props {
  frame: FrameOf;
  plan: Plan;
  onSelect: (id: number) => void;
  onToggle: (id: number) => void;
}

/** Around the operators that Spark compiled into one function. */
export function Frame({ frame, selected }: { frame: FrameOf; selected: boolean }) {
  return <div class={`stage-frame${selected ? ' selected' : ''}`} role="presentation" style={{ transform: `translate(${frame.x}px, ${frame.y}px)`, width: `${frame.width}px`, height: `${frame.height}px` }} />;
}

/** Its name and time; above the edges, which would cross them. */
export function FrameHead({ frame, plan, onSelect, onToggle }: Props) {
  const node = plan.byId.get(frame.id);
  if (!node) return null;
  const duration = metricOf(node, 'duration');
  const uneven = flags(node).find((flag) => flag.kind === 'uneven');
  return (
    <div class="stage-head" role="presentation" style={{ transform: `translate(${frame.x}px, ${frame.y}px)`, width: `${frame.width}px` }}>
      <button type="button" class="stage-name" tabIndex={-1} aria-hidden="true" onClick={() => onSelect(frame.id)} title={duration ? `${node.name}: ${f.durationExact(duration.value)} in all tasks` : node.name}>
        {node.name.replace('WholeStageCodegen', 'Codegen')}
        {duration?.value !== undefined && <b>{f.duration(duration.value)}</b>}
        {uneven && <em title={uneven.exact}>{uneven.text}</em>}
      </button>
      <button type="button" class="stage-fold" tabIndex={-1} aria-hidden="true" title="Draw it as one card" onClick={() => onToggle(frame.id)}>−</button>
    </div>
  );
}
