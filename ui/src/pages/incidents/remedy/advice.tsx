import { isSetting } from '../../../components/finding/advice';
import { AdviceLine } from '../../../components/finding/advice-line';
import { Section } from '../../../components/section';
import { Feedback } from './feedback';
import { FollowUps } from './follow-up';
import { OfModel, type Props } from './model';
import { CopySettings } from './settings';
import { Counts } from './turned';
import './remedy.css';

/** What to do: the rule's own advice, a model's, and how advice did in later runs. */
export function AdviceSection(props: Props) {
  const { of, about } = props;
  return (
    <Section title="Advice" help="advice" flush>
      <OfRule {...props} />
      <OfModel {...props} />
      {about.app && about.finding && (
        <div class="remedy-part">
          <header class="remedy-head"><h3>When the job ran again</h3></header>
          {of.follow_up.length === 0 ? <p class="muted">Not yet. The next run of an application of this name in this cluster is compared with this one.</p> : <FollowUps of={of.follow_up} app={about.app} />}
        </div>
      )}
    </Section>
  );
}

function OfRule({ incident, of, about, who, reload }: Props) {
  return (
    <div class="remedy-part">
      <header class="remedy-head">
        <h3>From the rule</h3>
        <CopySettings of={of.rule_advice.filter(isSetting)} />
      </header>
      {of.rule_advice.length === 0 ? (
        <p class="muted">{about.finding === null ? 'It came from elsewhere: no rule of Afterglow’s knows it.' : 'This rule names no remedy.'}</p>
      ) : (
        <>
          <ul class="found-advice">
            {of.rule_advice.map((advice) => (
              <li key={isSetting(advice) ? advice.key : advice.text}>
                <AdviceLine of={advice}>{advice.record && <p class="remedy-record"><Counts of={advice.record} none="No job changed it as advised yet" /></p>}</AdviceLine>
              </li>
            ))}
          </ul>
          <Feedback incident={incident} about="rule" given={of.feedback} who={who} reload={reload} />
        </>
      )}
    </div>
  );
}
