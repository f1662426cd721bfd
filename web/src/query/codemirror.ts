// CodeMirror with PromQL: colours, completion from the server's names and labels, and what the grammar refuses.
import { autocompletion, closeBrackets, closeBracketsKeymap, completionKeymap } from '@codemirror/autocomplete';
import { defaultKeymap, history, historyKeymap, insertNewlineAndIndent } from '@codemirror/commands';
import { bracketMatching, HighlightStyle, syntaxHighlighting } from '@codemirror/language';
import { lintKeymap } from '@codemirror/lint';
import { EditorState, Prec } from '@codemirror/state';
import { EditorView, keymap, placeholder } from '@codemirror/view';
import { tags } from '@lezer/highlight';
import { PromQLExtension } from '@prometheus-io/codemirror-promql';
import { apiUrl } from '../api';
import { t } from '../text';

export interface CodeEditor {
  set: (text: string) => void;
  focus: (at: number) => void;
  close: () => void;
}

const look = EditorView.theme({
  '&': { fontSize: '13px', backgroundColor: 'transparent' },
  '&.cm-focused': { outline: 'none' },
  '.cm-scroller': { fontFamily: "ui-monospace, 'DejaVu Sans Mono', Menlo, monospace", maxHeight: '240px' },
  '.cm-content': { caretColor: 'var(--text)', padding: '4px 0' },
  '.cm-cursor': { borderLeftColor: 'var(--text)' },
  '.cm-placeholder': { color: 'var(--muted)' },
  '.cm-matchingBracket': { backgroundColor: 'var(--hover) !important', outline: '1px solid var(--line)' },
  '&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground': {
    backgroundColor: 'color-mix(in srgb, var(--accent) 28%, transparent)',
  },
  '.cm-tooltip': {
    backgroundColor: 'var(--panel)',
    border: '1px solid var(--line)',
    borderRadius: '4px',
    color: 'var(--text)',
  },
  '.cm-tooltip-autocomplete ul li': { padding: '2px 8px' },
  '.cm-tooltip-autocomplete ul li[aria-selected]': { backgroundColor: 'var(--accent)', color: 'var(--panel)' },
  '.cm-completionDetail': { color: 'var(--muted)', fontStyle: 'normal', marginLeft: '12px' },
  'li[aria-selected] .cm-completionDetail': { color: 'inherit' },
  '.cm-completionInfo': { maxWidth: '360px', padding: '6px 8px' },
  '.cm-diagnostic-error': { borderLeftColor: 'var(--bad)' },
});

const colors = HighlightStyle.define([
  { tag: tags.keyword, color: 'var(--code-keyword)' },
  { tag: [tags.function(tags.variableName), tags.operatorKeyword], color: 'var(--code-function)' },
  { tag: tags.labelName, color: 'var(--code-label)' },
  { tag: tags.string, color: 'var(--code-string)' },
  { tag: [tags.number, tags.definition(tags.number)], color: 'var(--code-number)' },
  {
    tag: [tags.modifier, tags.arithmeticOperator, tags.logicOperator, tags.compareOperator],
    color: 'var(--code-keyword)',
  },
  { tag: tags.comment, color: 'var(--muted)', fontStyle: 'italic' },
  { tag: tags.invalid, color: 'var(--bad)' },
]);

// One for all editors of the page, so that they share what they have learnt of the server.
let promql: PromQLExtension | undefined;

function language(): PromQLExtension {
  promql ??= new PromQLExtension().setComplete({
    remote: { url: location.origin, apiPrefix: apiUrl('').replace(/\/$/, ''), httpErrorHandler: () => undefined },
  });
  return promql;
}

export function openEditor(
  host: HTMLElement,
  text: string,
  label: string,
  {
    onInput,
    onSubmit,
  }: {
    onInput: (text: string) => void;
    onSubmit: (text: string) => void;
  },
): CodeEditor {
  const submit = (view: EditorView): boolean => {
    onSubmit(view.state.doc.toString());
    return true;
  };
  const view = new EditorView({
    parent: host,
    state: EditorState.create({
      doc: text,
      extensions: [
        look,
        history(),
        bracketMatching(),
        closeBrackets(),
        autocompletion(),
        EditorView.lineWrapping,
        placeholder(t('askSomething')),
        EditorView.contentAttributes.of({ 'aria-label': label, spellcheck: 'false' }),
        syntaxHighlighting(colors),
        language().asExtension(),
        keymap.of([...closeBracketsKeymap, ...defaultKeymap, ...historyKeymap, ...completionKeymap, ...lintKeymap]),
        // Below the completion's own Enter, above the default one.
        Prec.high(
          keymap.of([
            { key: 'Shift-Enter', run: insertNewlineAndIndent },
            { key: 'Enter', run: submit },
          ]),
        ),
        Prec.highest(keymap.of(completionKeymap.filter(({ key }) => key === 'Enter'))),
        EditorView.updateListener.of((update) => {
          if (update.docChanged) onInput(update.state.doc.toString());
        }),
      ],
    }),
  });
  return {
    set(next) {
      const now = view.state.doc.toString();
      if (next !== now) view.dispatch({ changes: { from: 0, to: now.length, insert: next } });
    },
    focus(at) {
      view.focus();
      view.dispatch({ selection: { anchor: Math.min(at, view.state.doc.length) } });
    },
    close() {
      view.destroy();
    },
  };
}
