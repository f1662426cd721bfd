// Editor: a plain text area at once; CodeMirror with PromQL's grammar takes its place as soon as it has arrived.
import { useEffect, useRef } from 'preact/hooks';
import { t } from '../text';
import type { CodeEditor } from './codemirror';

interface EditorProps { value: string; onInput: (value: string) => void; onSubmit: (value: string) => void }

export function Editor({ value, onInput, onSubmit }: EditorProps) {
  const host = useRef<HTMLDivElement>(null);
  const area = useRef<HTMLTextAreaElement>(null);
  const editor = useRef<CodeEditor | null>(null);
  const current = useRef({ onInput, onSubmit });
  current.current = { onInput, onSubmit };

  useEffect(() => {
    let gone = false;
    import('./codemirror').then(({ openEditor }) => {
      const plain = area.current;
      if (gone || !host.current || !plain) return;
      const focused = document.activeElement === plain;
      editor.current = openEditor(host.current, plain.value, t('expression'), {
        onInput: (text) => current.current.onInput(text),
        onSubmit: (text) => current.current.onSubmit(text),
      });
      if (focused) editor.current.focus(plain.selectionStart);
      plain.hidden = true;
    }, () => { /* the text area does, too */ });
    return () => { gone = true; editor.current?.close(); editor.current = null; };
  }, []);

  useEffect(() => editor.current?.set(value), [value]);

  return (
    <div class="editor" ref={host}>
      <textarea ref={area} rows={Math.min(8, value.split('\n').length)} spellcheck={false} autocomplete="off" aria-label={t('expression')} placeholder={t('askSomething')} value={value}
        onInput={(event) => onInput(event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
          event.preventDefault();
          onSubmit(event.currentTarget.value);
        }} />
    </div>
  );
}
