import type { Overview } from '../../api/ours';
import { Status } from '../../components/badge';
import { Meter } from '../../components/bar';
import { Link } from '../../components/link';
import { Count, Duration, Percent } from '../../components/number';
import { PlainTable } from '../../components/plain-table';
import { Section } from '../../components/section';
import { Empty } from '../../components/state';
import { type AppRef, appUrl } from '../../core/address';

export function SlowestSql({ app, of }: { app: AppRef; of: Overview['slowestSql'] }) {
  return (
    <Section title="Slowest SQL" flush actions={<Link to={appUrl(app, 'sql', { sort: '-duration' })}>All SQL</Link>}>
      {of.length === 0 ? (
        <Empty title="No SQL was run" />
      ) : (
        <PlainTable
          label="Slowest SQL executions"
          rows={of}
          rowKey={(s) => s.id}
          columns={[
            { title: 'Id', cell: (s) => <Link to={appUrl(app, `sql/${s.id}`)}>{s.id}</Link> },
            { title: 'Description', wide: true, cell: (s) => <Link to={appUrl(app, `sql/${s.id}`)} title={s.description}>{s.description || 'no description'}</Link> },
            { title: 'Status', cell: (s) => <Status of={s.status} quiet /> },
            { title: 'Duration', right: true, cell: (s) => <Duration v={s.duration} /> },
          ]}
        />
      )}
    </Section>
  );
}

export function SlowestStages({ app, of }: { app: AppRef; of: Overview['slowestStages'] }) {
  return (
    <Section title="Slowest stages" flush actions={<Link to={appUrl(app, 'stages', { sort: '-duration' })}>All stages</Link>}>
      {of.length === 0 ? (
        <Empty title="No stage was run" />
      ) : (
        <PlainTable
          label="Slowest stages"
          rows={of}
          rowKey={(s) => `${s.stage}.${s.attempt}`}
          columns={[
            { title: 'Id', cell: (s) => <Link to={appUrl(app, `stages/${s.stage}/${s.attempt}`)}>{s.stage}{s.attempt > 0 && `.${s.attempt}`}</Link> },
            { title: 'Name', wide: true, cell: (s) => <Link to={appUrl(app, `stages/${s.stage}/${s.attempt}`)} title={s.name}>{s.name}</Link> },
            { title: 'Tasks', right: true, cell: (s) => <Count v={s.tasks} unit="tasks" /> },
            { title: 'Of the whole', help: 'stageShare', cell: (s) => <Meter share={s.share}><Percent v={s.share} /></Meter> },
            { title: 'Duration', right: true, cell: (s) => <Duration v={s.duration} /> },
          ]}
        />
      )}
    </Section>
  );
}
