import type { Finding } from '../../api/findings';
import { counted } from '../../core/format';
import { Copy } from '../copy';
import { asConfs, settingsOf } from './advice';

/** All settings that findings advise, as arguments of spark-submit. */
export function CopyConfs({ of }: { of: Finding[] }) {
  const settings = settingsOf(of);
  if (settings.length === 0) return null;
  return (
    <Copy text={() => asConfs(settings)} label={`Copy all as --conf: ${counted(settings.length, 'setting')} for spark-submit`} said={`${counted(settings.length, 'setting')} copied as --conf arguments`}>
      Copy all as --conf
    </Copy>
  );
}
