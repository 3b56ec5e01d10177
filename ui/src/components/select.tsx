import './select.css';

interface Props {
  label: string;
  options: { value: string; text: string }[];
  value: string;
  choose: (value: string) => void;
}

/** One of many, or of few where there is little room: a menu with its name before it. */
export function Select({ label, options, value, choose }: Props) {
  return (
    <label class="select">
      <span>{label}</span>
      <select value={value} onChange={(event) => choose(event.currentTarget.value)}>
        {options.map((o) => (
          <option key={o.value} value={o.value}>{o.text}</option>
        ))}
      </select>
    </label>
  );
}
