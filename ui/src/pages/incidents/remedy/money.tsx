import { Num } from '../../../components/number';
import { UNKNOWN } from '../../../core/format';

/** Requests cost fractions of a cent: three digits, wherever they begin. */
const three = new Intl.NumberFormat('en-US', { maximumSignificantDigits: 3 });

/** An amount in the currency of the model's prices, which the settings do not name. */
export function Money({ v }: { v: number | null }) {
  if (v === null) return <Num title="Not known: there are no prices (remediation.input_price, output_price)">{UNKNOWN}</Num>;
  return <Num title={`${v} in the currency of remediation.input_price`}>{three.format(v)}</Num>;
}
