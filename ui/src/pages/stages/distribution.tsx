import { histogram, type StageRef } from '../../api/stages';
import { useResource } from '../../api/resource';
import { useApp } from '../../app/app-context';
import { Histogram } from '../../components/histogram';
import { Section } from '../../components/section';
import { Empty, Loaded, Skeleton } from '../../components/state';
import { Select } from '../../components/select';
import { counted } from '../../core/format';
import { useParam } from '../../core/router';
import { brief, MEASURES, measure, quantile, show, type TaskSummary, used } from './measures';

/** How many tasks have which value of a metric. */
export function Distribution({ stageRef, summary, running }: { stageRef: StageRef; summary: TaskSummary | undefined; running: boolean }) {
  const { app } = useApp();
  const [of, choose] = useParam('of', 'duration');
  const found = useResource(histogram(app, stageRef, of), { live: running, keep: true });
  const named = measure(of);
  const marks = summary && named ? [0.5, 0.95].flatMap((share) => {
    const at = quantile(summary, named, share);
    return at === undefined ? [] : [{ at, text: `${share === 0.5 ? 'Median' : '95%'} ${show(named.unit, at)}` }];
  }) : [];
  return (
    <Section title="Distribution" class="stage-distribution" actions={<Select label="of" options={options(summary)} value={of} choose={choose} />}>
      <Loaded of={found} skeleton={<Skeleton height={214} />}>
        {({ bins, count, unit, min, max }) =>
          bins.length === 0 ? (
            <Empty title="No task has succeeded">The histogram is over successful tasks.</Empty>
          ) : min === max ? (
            <Empty title={`All alike: ${show(unit, min)}`}>{counted(count, 'successful task')} with the same value.</Empty>
          ) : (
            <Histogram label={`Histogram of ${named?.title ?? of}`} bins={bins} unit="task" of={unit} show={(v) => brief(unit, v)} marks={marks} />
          )
        }
      </Loaded>
    </Section>
  );
}

function options(summary: TaskSummary | undefined) {
  const some = summary ? used(summary) : MEASURES;
  return (some.length > 0 ? some : MEASURES).map(({ id, title }) => ({ value: id, text: title }));
}
