import type { Finding } from '../../../api/findings';
import type { Cited } from '../../../api/remediation';
import { evidenceUrl } from '../../../components/finding/places';
import { Link } from '../../../components/link';
import { Popover } from '../../../components/popover';
import type { AppRef } from '../../../core/address';

/** What a case is about, where its citations lead. */
export interface About {
  app: AppRef | undefined;
  finding: Finding | null;
}

/** What a claim rests on: numbers lead to the page that shows them, passages open. */
export function Cites({ ids, cited, about }: { ids: string[]; cited: Cited[]; about: About }) {
  return (
    <span class="remedy-cites">
      {ids.map((id) => {
        const of = cited.find((c) => c.id === id);
        return of === undefined ? <span key={id} class="remedy-cite">{id}</span> : <Cite key={id} of={of} about={about} />;
      })}
    </span>
  );
}

function Cite({ of, about }: { of: Cited; about: About }) {
  if ('title' in of) return <Passage of={of} />;
  // What an older release asked has no address of its own.
  const evidence = of.path !== undefined || of.computed_from !== undefined ? of : about.finding?.evidence.find((e) => e.name === of.name);
  const page = about.app && evidence && evidenceUrl(about.app, evidence);
  const text = <><b>{of.id}</b> {of.name}: {of.value}</>;
  const title = `${of.name}: ${of.value}`;
  if (page !== undefined) return <Link class="remedy-cite" to={page} title={`${title}\nSee it`}>{text}</Link>;
  if (evidence?.path !== undefined) return <a class="remedy-cite" href={evidence.path} target="_blank" rel="noreferrer" title={`${title}\nJSON, in a new tab`}>{text}</a>;
  return <span class="remedy-cite" title={title}>{text}</span>;
}

function Passage({ of }: { of: Extract<Cited, { title: string }> }) {
  const rule = /^rule (\S+)$/.exec(of.from)?.[1];
  return (
    <Popover label={`${of.id}: ${of.title}`} text={`${of.id} ${of.from}`} quiet class="remedy-cite">
      <strong>{of.title}</strong>
      <p class="muted">{rule === undefined ? of.from : <Link to={`/rules/${encodeURIComponent(rule)}`}>The page of {rule}</Link>}</p>
      {of.text === undefined ? <p class="muted">Its text was not kept.</p> : <p class="remedy-passage">{of.text}</p>}
    </Popover>
  );
}
