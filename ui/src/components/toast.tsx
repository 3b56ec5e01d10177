import { useEffect, useState } from 'preact/hooks';
import './toast.css';

/** A short word on what just happened, read aloud by screen readers. */

const SHOWN_MS = 3500;
let say: (text: string) => void = () => undefined;

export function toast(text: string): void {
  say(text);
}

export function Toasts() {
  const [text, set] = useState('');
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    say = (next) => {
      set(next);
      clearTimeout(timer);
      timer = setTimeout(() => set(''), SHOWN_MS);
    };
    return () => clearTimeout(timer);
  }, []);
  return (
    <div class="toasts" role="status">
      {text && <div class="toast">{text}</div>}
    </div>
  );
}
