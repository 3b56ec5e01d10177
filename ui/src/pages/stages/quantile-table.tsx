import { useState } from 'preact/hooks';
import type { TaskAt } from '../../api/stages';
import { Button } from '../../components/button';
import { Help } from '../../components/help';
import { Num } from '../../components/number';
import { percent } from '../../core/format';
import { usePlace, withQuery } from '../../core/router';
import { exact, type Measure, MEASURES, quantile, show, type TaskSummary, used, valuesOf } from './measures';
import { type Skew, skewOf, times } from './skew';

const NAMES: Record<string, string> = { '0': 'Min', '0.5': 'Median', '1': 'Max' };

/** One line a metric, from the smallest to the largest task. */
export function QuantileTable({ summary }: { summary: TaskSummary }) {
  const [all, setAll] = useState(false);
  const some = used(summary);
  const rest = MEASURES.filter((m) => !some.includes(m));
  return (
    <>
      <div class="plain-scroll">
        <table class="plain stage-quantiles" aria-label="Quantiles of the tasks">
          <thead>
            <tr>
              <th scope="col">Metric</th>
              {summary.quantiles.map((q) => <th key={q} scope="col" class="right">{NAMES[String(q)] ?? percent(q).replace('.0', '')}</th>)}
              <th scope="col" class="right">Max ÷ median<Help of="skew" /></th>
              <th scope="col">Spread</th>
            </tr>
          </thead>
          <tbody>
            {(all ? MEASURES : some).map((of) => <Line key={of.id} of={of} summary={summary} />)}
          </tbody>
        </table>
      </div>
      {rest.length > 0 && (
        <Button quiet aria-expanded={all} onClick={() => setAll(!all)}>
          {all ? 'Hide metrics that are 0 everywhere' : `${rest.length} metrics are 0 everywhere`}
        </Button>
      )}
    </>
  );
}

function Line({ of, summary }: { of: Measure; summary: TaskSummary }) {
  const { path, query } = usePlace();
  const values = valuesOf(summary, of);
  const ends = summary.of.get(of.id);
  const skew = skewOf(summary, of);
  // The list in the order of this number, with the task that has its end opened.
  const taskUrl = (at: TaskAt, down: boolean) => withQuery(path, query, { view: 'tasks', sort: `${down ? '-' : ''}${of.id}`, task: String(at.task) });
  const said = (at: TaskAt) => `task ${at.index} on executor ${at.executor}`;
  return (
    <tr>
      <th scope="row">{of.title}{of.help && <Help of={of.help} />}</th>
      {summary.quantiles.map((q, at) => {
        const text = <Num title={exact(of.unit, values[at])}>{show(of.unit, values[at])}</Num>;
        const whose = q === 0 ? ends?.minAt : q === 1 ? ends?.maxAt : undefined;
        return <td key={q} class="right">{whose ? <a href={taskUrl(whose, q === 1)} aria-label={`${show(of.unit, values[at])}: ${said(whose)}`}>{text}</a> : text}</td>;
      })}
      <td class="right">{skew && <Ratio skew={skew} of={of} />}</td>
      <td><Spread of={of} summary={summary} level={skew?.level ?? 'even'} /></td>
    </tr>
  );
}

export function Ratio({ skew, of }: { skew: Skew; of: Measure }) {
  if (skew.max === 0 || (skew.median === 0 && skew.level === 'even')) return <span class="muted" title="The median is 0">–</span>;
  const words = { even: '', notable: ' Skewed.', severe: ' Heavily skewed.' }[skew.level];
  return (
    <Num title={`${exact(of.unit, skew.max)} over ${exact(of.unit, skew.median)}.${words}`}>
      <span class={`skew-ratio ${skew.level}`}>
        {skew.level === 'severe' && <span class="hidden-visually">heavily skewed: </span>}
        {skew.level === 'notable' && <span class="hidden-visually">skewed: </span>}
        {skew.level !== 'even' && '▲ '}{times(skew.ratio)}×
      </span>
    </Num>
  );
}

const WIDTH = 130;

/** From the smallest to the largest; the box has the middle half, its line is the median. */
function Spread({ of, summary, level }: { of: Measure; summary: TaskSummary; level: Skew['level'] }) {
  const max = quantile(summary, of, 1) ?? 0;
  if (max <= 0) return null;
  const x = (share: number) => 4 + ((quantile(summary, of, share) ?? 0) / max) * (WIDTH - 8);
  return (
    <svg class={`quantile-spread ${level}`} viewBox={`0 0 ${WIDTH} 14`} aria-hidden="true">
      <line class="whisker" x1={x(0)} x2={x(1)} y1="7" y2="7" />
      <rect class="box" x={x(0.25)} width={Math.max(2, x(0.75) - x(0.25))} y="3" height="8" rx="1.5" />
      <line class="middle" x1={x(0.5)} x2={x(0.5)} y1="2" y2="12" />
      <circle class="end" cx={x(1)} cy="7" r="2.5" />
    </svg>
  );
}
