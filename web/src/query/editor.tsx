// Editor: a plain text area at once; CodeMirror with PromQL's grammar takes its place as soon as it has arrived. What is typed stays in
// it: drawing the page anew must not write an older text over a newer one.
import { useEffect, useRef } from 'preact/hooks';
import { t } from '../text';
import type { CodeEditor } from './codemirror';

interface EditorProps {
  text: string; // what to show; written when `revision` or it changes
  revision: number;
  onInput: (text: string) => void;
  onSubmit: (text: string) => void;
}

export function Editor({ text, revision, onInput, onSubmit }: EditorProps) {
  const host = useRef<HTMLDivElement>(null);
  const area = useRef<HTMLTextAreaElement>(null);
  const editor = useRef<CodeEditor | null>(null);
  const current = useRef({ onInput, onSubmit });
  current.current = { onInput, onSubmit };

  useEffect(() => {
    let gone = false;
    import('./codemirror').then(
      ({ openEditor }) => {
        const plain = area.current;
        if (gone || !host.current || !plain) return;
        const focused = document.activeElement === plain;
        editor.current = openEditor(host.current, plain.value, t('expression'), {
          onInput: (typed) => current.current.onInput(typed),
          onSubmit: (typed) => current.current.onSubmit(typed),
        });
        if (focused) editor.current.focus(plain.selectionStart);
        plain.hidden = true;
      },
      () => {
        /* the text area does, too */
      },
    );
    return () => {
      gone = true;
      editor.current?.close();
      editor.current = null;
    };
  }, []);

  useEffect(() => {
    if (area.current) area.current.value = text;
    editor.current?.set(text);
  }, [text, revision]);

  return (
    <div class="editor" ref={host}>
      <textarea
        ref={area}
        rows={Math.min(8, text.split('\n').length)}
        spellcheck={false}
        autocomplete="off"
        aria-label={t('expression')}
        placeholder={t('askSomething')}
        onInput={(event) => onInput(event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
          event.preventDefault();
          onSubmit(event.currentTarget.value);
        }}
      />
    </div>
  );
}
