import { Popover } from '../../components/popover';
import { percent } from '../../core/format';
import { HEAT_STEPS } from './plan/metric';

/** What colours and strokes of the graph mean. */
export function Legend({ changed, timed }: { changed: boolean; timed: boolean }) {
  return (
    <Popover label="What the colours mean" text="Legend" quiet>
      <div class="plan-legend">
        {timed && (
          <>
            <strong>Share of the run time</strong>
            <p class="muted">Also the length of the bar and the number at the upper right.</p>
            <ul>
              {[0, ...HEAT_STEPS].map((from, step) => (
                <li key={step} class={`heat${step}`}><i />{step === 0 ? `below ${percent(HEAT_STEPS[0])}` : `from ${percent(from)}`}</li>
              ))}
            </ul>
          </>
        )}
        <strong>Edges</strong>
        <p class="muted">Wider with more rows (each step is ten times as many), with their number where it is known. Dashed: a subquery's result.</p>
        <strong>Frames</strong>
        <p class="muted">Operators that Spark compiled into one function, with the time of all its tasks.</p>
        {changed && (
          <>
            <strong>Adaptive execution</strong>
            <p class="muted">Dashed outline: added. Solid: changed. Dotted: removed. The word stands on the card, too.</p>
          </>
        )}
        <strong>Keys</strong>
        <p class="muted"><kbd>↑</kbd> to what an operator reads, <kbd>↓</kbd> to what reads it, <kbd>←</kbd> <kbd>→</kbd> beside it, <kbd>f</kbd> folds, <kbd>+</kbd> <kbd>-</kbd> zoom, <kbd>0</kbd> whole plan, <kbd>1</kbd> full size, <kbd>Shift</kbd> with arrows moves the view.</p>
      </div>
    </Popover>
  );
}
