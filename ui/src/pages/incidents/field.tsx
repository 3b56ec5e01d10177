interface Props {
  label: string;
  value: string;
  set: (value: string) => void;
  placeholder?: string;
  required?: boolean;
  /** Several lines. */
  lines?: boolean;
}

/** A field of a form, with its name above it. */
export function Field({ label, value, set, placeholder, required, lines }: Props) {
  const rest = { value, required, ...(placeholder !== undefined && { placeholder }) };
  return (
    <label class="incident-field">
      <span>{label}</span>
      {lines ? <textarea rows={2} {...rest} onInput={(e) => set(e.currentTarget.value)} /> : <input type="text" {...rest} onInput={(e) => set(e.currentTarget.value)} />}
    </label>
  );
}
