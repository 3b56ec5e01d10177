import './segments.css';

interface Props<T extends string> {
  label: string;
  value: T;
  options: { value: T; text: string; title?: string }[];
  onChange: (value: T) => void;
}

/** One of a few, side by side. Arrow keys go from one to the next. */
export function Segments<T extends string>({ label, value, options, onChange }: Props<T>) {
  const pressed = (event: KeyboardEvent & { currentTarget: HTMLElement }) => {
    const step = event.key === 'ArrowRight' || event.key === 'ArrowDown' ? 1 : event.key === 'ArrowLeft' || event.key === 'ArrowUp' ? -1 : 0;
    if (step === 0) return;
    event.preventDefault();
    const at = (options.findIndex((o) => o.value === value) + step + options.length) % options.length;
    const next = options[at];
    if (!next) return;
    onChange(next.value);
    (event.currentTarget.children[at] as HTMLElement | undefined)?.focus();
  };
  return (
    <div class="segments" role="radiogroup" aria-label={label} onKeyDown={pressed}>
      {options.map((option) => (
        <button key={option.value} type="button" role="radio" aria-checked={option.value === value} tabIndex={option.value === value ? 0 : -1}
          title={option.title} onClick={() => onChange(option.value)}>
          {option.text}
        </button>
      ))}
    </div>
  );
}
