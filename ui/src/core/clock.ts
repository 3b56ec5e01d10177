import { useEffect, useState } from 'preact/hooks';

/** The present, for ages; moves every `step` milliseconds while the page is shown. */
export function useNow(step = 15_000): number {
  const [now, set] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => document.hidden || set(Date.now()), step);
    return () => clearInterval(timer);
  }, [step]);
  return now;
}
