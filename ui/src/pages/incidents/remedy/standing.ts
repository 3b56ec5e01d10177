import type { Tone } from '../../../components/badge';
import type { Standing } from '../../../api/remediation';

/** Where the search for advice of a model stands, in words. */

interface Words {
  tone: Tone;
  /** In a table. */
  word: string;
  title: string;
  /** What it means, and what can be done; what the server says of the case stands beside it. */
  text: string;
}

const AGAIN = 'It is not asked again by itself.';

export const STANDING: Record<Standing, Words> = {
  off: { tone: 'idle', word: 'Off', title: 'No model is asked', text: 'A model of Amazon Bedrock can look at the whole case, too. It is off unless enabled = true stands in [remediation].' },
  over: { tone: 'idle', word: 'Not asked', title: 'Not asked: it was over before', text: 'Only what fires is asked about by itself.' },
  mild: { tone: 'idle', word: 'Not asked', title: 'Not asked: not severe enough', text: 'remediation.severity says from which severity on a model is asked.' },
  inhibited: { tone: 'idle', word: 'Not asked', title: 'Not asked: another incident explains it', text: 'What explains it is asked about.' },
  pending: { tone: 'idle', word: 'Not yet', title: 'Not asked yet', text: 'It is asked about once it fires.' },
  old: { tone: 'idle', word: 'Not asked', title: 'Not asked: it has fired for long', text: 'Only what began to fire within the last 15 minutes is asked about by itself.' },
  queued: { tone: 'run', word: 'Queued', title: 'About to be asked', text: 'Whoever alerts asks within seconds; four incidents at a time.' },
  asking: { tone: 'run', word: 'Asking', title: 'The model is being asked', text: 'Nothing waits for it: the advice of the rule holds meanwhile.' },
  advised: { tone: 'ok', word: 'Advised', title: 'Advised', text: '' },
  budget: { tone: 'warn', word: 'Over budget', title: 'Not asked: over budget', text: `Budgets of a day begin anew at midnight UTC. ${AGAIN}` },
  breaker: { tone: 'warn', word: 'Paused', title: 'Not asked: Bedrock failed too often', text: `After failures in a row it is left alone for a while. ${AGAIN}` },
  failed: { tone: 'fail', word: 'Failed', title: 'No answer', text: AGAIN },
  deadline: { tone: 'fail', word: 'Too late', title: 'No answer before the deadline', text: AGAIN },
  ungrounded: { tone: 'warn', word: 'Left out', title: 'An answer, and nothing of it could be backed', text: 'Every claim cited nothing, or what is not part of the case. The answer as it came is below, for audit.' },
  lost: { tone: 'warn', word: 'Cut short', title: 'Cut short', text: AGAIN },
};

/** Where asking by hand makes sense. */
const ASKABLE: Standing[] = ['over', 'mild', 'inhibited', 'pending', 'old', 'budget', 'breaker', 'failed', 'deadline', 'ungrounded', 'lost'];

export const askable = (standing: Standing): boolean => ASKABLE.includes(standing);
