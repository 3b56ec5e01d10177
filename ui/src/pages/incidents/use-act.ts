import { useState } from 'preact/hooks';
import { asApiError } from '../../api/resource';
import { toast } from '../../components/toast';

/** Does something and says how it went; `busy` while it is under way. */
export function useAct(done: () => void): { busy: boolean; run: (what: Promise<void>, said: string) => void } {
  const [busy, setBusy] = useState(false);
  const run = (what: Promise<void>, said: string) => {
    setBusy(true);
    what
      .then(
        () => {
          toast(said);
          done();
        },
        (e: unknown) => toast(asApiError(e, '').message),
      )
      .finally(() => setBusy(false));
  };
  return { busy, run };
}
