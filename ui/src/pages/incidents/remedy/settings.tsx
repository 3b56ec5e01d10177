import { Copy } from '../../../components/copy';
import { counted } from '../../../core/format';
import { asJson, confs, sets, settable } from '../../../core/shell';

type Setting = { key: string; suggested: string };

/** All suggested settings at once, in the forms in which Spark takes them. */
export function CopySettings({ of }: { of: Setting[] }) {
  if (of.length === 0) return null;
  const pairs = of.map((s) => [s.key, s.suggested] as const);
  const inSession = pairs.filter(([key]) => settable(key)).length;
  const all = counted(of.length, 'setting');
  return (
    <span class="remedy-copies">
      <Copy text={() => confs(pairs)} label={`Copy as --conf: ${all} for spark-submit`} said={`${all} copied as --conf`}>--conf</Copy>
      {inSession > 0 && (
        <Copy text={() => sets(pairs)} label={`Copy as SET: ${inSession} of ${all} can be changed in a session`} said={`${counted(inSession, 'setting')} copied as SET`}>SET</Copy>
      )}
      <Copy text={() => asJson(pairs)} label={`Copy as JSON: ${all}`} said={`${all} copied as JSON`}>JSON</Copy>
    </span>
  );
}
