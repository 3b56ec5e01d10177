import { useEffect, useRef } from 'preact/hooks';
import { shortcuts } from '../core/shortcuts';
import { Button } from '../components/button';

/** All keys that work on this page. */
export function ShortcutSheet({ close }: { close: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current?.showModal(), []);
  return (
    <dialog ref={dialog} class="sheet" onClose={close} aria-labelledby="sheet-title" onClick={(event) => event.target === dialog.current && close()}>
      <header>
        <h2 id="sheet-title">Keys</h2>
        <Button quiet icon="close" label="Close" onClick={close} />
      </header>
      <dl>
        {shortcuts().map(({ keys, does }) => (
          <div key={keys}>
            <dt>{keys.split(' ').map((key) => <kbd key={key}>{key}</kbd>)}</dt>
            <dd>{does}</dd>
          </div>
        ))}
        <div>
          <dt><kbd>↑</kbd><kbd>↓</kbd><kbd>Enter</kbd></dt>
          <dd>In a table: move, and open the row</dd>
        </div>
        <div>
          <dt><kbd>Esc</kbd></dt>
          <dd>Clear a search, close what is open</dd>
        </div>
      </dl>
      <p class="sheet-foot muted">
        Afterglow is under the Apache License 2.0. <a href="/licenses.txt" target="_blank">Licences of what is inside</a>
      </p>
    </dialog>
  );
}
