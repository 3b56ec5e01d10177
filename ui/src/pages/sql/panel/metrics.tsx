import type { SqlMetric } from '../../../api/ours';
import { Link } from '../../../components/link';
import { Num } from '../../../components/number';
import { type AppRef, appUrl } from '../../../core/address';
import { metricExact, metricText } from '../plan/metric';

/** All metrics of an operator, and the task that had most. */
export function Metrics({ app, of }: { app: AppRef; of: SqlMetric[] }) {
  const reported = of.filter((m) => m.value !== undefined);
  const silent = of.filter((m) => m.value === undefined);
  if (of.length === 0) return <p class="muted">It reports no metrics.</p>;
  const spread = reported.some((m) => m.max !== undefined);
  return (
    <>
      {reported.length > 0 && (
        <div class="plan-metrics" tabIndex={0} role="region" aria-label="Metrics">
          <table>
            <thead>
              <tr>
                <th scope="col">Metric</th>
                <th scope="col">Total</th>
                {spread && <><th scope="col">Min</th><th scope="col">Median</th><th scope="col">Max of a task</th></>}
              </tr>
            </thead>
            <tbody>
              {reported.map((m) => (
                <tr key={m.name}>
                  <th scope="row" title={m.text && `As Spark shows it: ${m.text}`}>{m.name}</th>
                  <td class="total">{m.type === 'average' && m.max !== undefined ? <Average of={m} /> : <Value of={m} v={m.value} />}</td>
                  {spread && (
                    <>
                      <td>{m.min !== undefined && <Value of={m} v={m.min} />}</td>
                      <td>{m.median !== undefined && <Value of={m} v={m.median} />}</td>
                      <td>{m.max !== undefined && <Max app={app} of={m} />}</td>
                    </>
                  )}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {silent.length > 0 && <p class="muted metrics-silent">Not reported by any task: {silent.map((m) => m.name).join(', ')}.</p>}
    </>
  );
}

const Value = ({ of, v }: { of: SqlMetric; v: number | undefined }) => <Num title={metricExact(of.type, v)}>{metricText(of.type, v)}</Num>;

/** The sum of averages means nothing; their mean does. */
const Average = ({ of }: { of: SqlMetric }) => <Num title={`mean of all tasks: ${of.value}`}>{metricText(of.type, of.value)} <span class="muted">mean</span></Num>;

function Max({ app, of }: { app: AppRef; of: SqlMetric }) {
  const value = <Value of={of} v={of.max} />;
  if (!of.maxAt) return <>{value}<small class="muted" title="The driver reported it">driver</small></>;
  const { stage, attempt, task } = of.maxAt;
  return (
    <Link to={appUrl(app, `stages/${stage}/${attempt}`, { view: 'tasks', task: String(task) })} title={`Task ${task} of stage ${stage}.${attempt} had the most`}>
      {value}
      <small>task {task}</small>
    </Link>
  );
}
