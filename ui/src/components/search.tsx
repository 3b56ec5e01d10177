import { useEffect, useRef, useState } from 'preact/hooks';
import { Icon } from './icon';
import './search.css';

interface Props {
  label: string;
  value: string;
  onChange: (value: string) => void;
  /** Pause after the last key before `onChange`, milliseconds. */
  wait?: number;
  onEnter?: (value: string) => void;
  placeholder?: string;
}

/** A field that searches while one types. Escape clears it. */
export function Search({ label, value, onChange, wait = 0, onEnter, placeholder }: Props) {
  const [text, setText] = useState(value);
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  const told = useRef(value);

  useEffect(() => {
    // The address changed by other means: back, a link, a cleared filter.
    if (value !== told.current) {
      told.current = value;
      setText(value);
    }
  }, [value]);
  useEffect(() => () => clearTimeout(timer.current), []);

  const tell = (next: string) => {
    clearTimeout(timer.current);
    told.current = next;
    onChange(next);
  };
  const typed = (next: string) => {
    setText(next);
    clearTimeout(timer.current);
    if (wait === 0) tell(next);
    else timer.current = setTimeout(() => tell(next), wait);
  };
  const pressed = (event: KeyboardEvent & { currentTarget: HTMLInputElement }) => {
    if (event.key === 'Escape') {
      if (text === '') event.currentTarget.blur();
      setText('');
      tell('');
    } else if (event.key === 'Enter') {
      tell(text);
      onEnter?.(text);
    }
  };

  return (
    <label class="search">
      <Icon name="search" />
      <span class="hidden-visually">{label}</span>
      <input type="search" value={text} placeholder={placeholder ?? label} spellcheck={false} autocomplete="off"
        onInput={(event) => typed(event.currentTarget.value)} onKeyDown={pressed} />
      <kbd aria-hidden="true">/</kbd>
    </label>
  );
}
