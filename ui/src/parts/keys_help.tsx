// ?: the keys of the page that is shown, and their switch.
import { type Key, keysBound, keysOn, keysSwitch } from "../lib/keys";
import { Dialog } from "./dialog";

// Of two that want the same key the later one has it.
export function keysShown(bound: readonly (readonly Key[])[]): Key[] {
  const shown = new Map<string, Key>();
  for (const keys of bound) for (const key of keys) shown.set(key.keys, key);
  return [...shown.values()];
}

export function KeyNames({ keys }: { keys: string }) {
  return (
    <>
      {keys.split(/[ ]|(?<=Ctrl)-/).map((part, i) => (
        <kbd key={i}>{part}</kbd>
      ))}
    </>
  );
}

export function KeysHelp({ close }: { close: () => void }) {
  return (
    <Dialog title="Keys of this page" close={close} testid="keys">
      <div class="dialog-body">
        <dl class="keys">
          {keysShown(keysBound.value).map((key) => (
            <div key={key.keys}>
              <dt>
                <KeyNames keys={key.keys} />
              </dt>
              <dd>{key.text}</dd>
            </div>
          ))}
        </dl>
        <label class="check">
          <input type="checkbox" checked={keysOn.value} onChange={(event) => keysSwitch(event.currentTarget.checked)} />
          Keys of one letter are on. They rest while an input has the focus.
        </label>
        <p>
          <a href="/help" onClick={close}>
            States, the filter line and all keys
          </a>
        </p>
      </div>
    </Dialog>
  );
}
