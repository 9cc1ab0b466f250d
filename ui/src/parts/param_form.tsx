// The parameters of a run to be, each drawn from its type. The trigger dialog and the rerun dialog share it.
//
// `given` are the values to start from (a run's, or none: then the defaults are shown), `edits` what the person typed,
// by name; a name that isn't in it is untouched. `fault` is the daemon's answer to the last preview: if it names a
// parameter it is shown at that field.
import { useId } from "preact/hooks";
import type { ParamSpec, ParamSpecs, Texts } from "../lib/params";
import { paramBounds, paramFault, paramInitial, paramIsExpression, paramMustBeGiven } from "../lib/params";

interface FormProps {
  specs: ParamSpecs;
  given: Record<string, unknown>;
  edits: Texts;
  onEdit: (edits: Texts) => void;
  fault?: string | null;
}

interface FieldProps {
  name: string;
  spec: ParamSpec;
  initial: string;
  edit: string | undefined;
  fault: string | null;
  onEdit: (text: string | undefined) => void;
}

function without(edits: Texts, name: string): Texts {
  const { [name]: _, ...rest } = edits;
  return rest;
}

// What the daemon says about this parameter: "parameter 'lr': '7' is more than its greatest value, '1'".
export function faultOf(name: string, fault: string | null | undefined): string | null {
  const lead = `parameter '${name}': `;
  const at = fault?.indexOf(lead) ?? -1;
  return at < 0 ? null : fault!.slice(at + lead.length);
}

function optionsOf(spec: ParamSpec): string[] | null {
  if (spec.type === "bool") return ["true", "false"];
  return spec.type === "enum" ? (spec.values ?? []) : null;
}

// What every kind of field has.
interface Common {
  id: string;
  name: string;
  onInput: (event: Event) => void;
  "data-testid": string;
  "aria-invalid": boolean;
  "aria-describedby": string;
}

function Choice({ options, text, control }: { options: string[]; text: string; control: Common }) {
  const shown = options.includes(text) ? options : [text, ...options];
  return (
    <select {...control} value={text}>
      {shown.map((option) => (
        <option key={option} value={option}>
          {option || "choose"}
        </option>
      ))}
    </select>
  );
}

function Control({ spec, text, control }: { spec: ParamSpec; text: string; control: Common }) {
  const options = optionsOf(spec);
  if (options) return <Choice options={options} text={text} control={control} />;
  if (spec.type === "json" || text.includes("\n")) {
    const rows = Math.min(12, text.split("\n").length + 1);
    return <textarea {...control} rows={rows} spellcheck={false} value={text} />;
  }
  const number = spec.type === "int" ? "numeric" : spec.type === "float" ? "decimal" : undefined;
  if (spec.type === "date") return <input {...control} type="date" value={text} />;
  return <input {...control} inputMode={number} spellcheck={false} autocomplete="off" value={text} />;
}

function Field({ name, spec, initial, edit, fault, onEdit }: FieldProps) {
  const id = useId();
  const text = edit ?? initial;
  const edited = edit !== undefined && edit !== initial;
  const wrong = fault ?? (edited ? paramFault(spec, text) : null);
  const missing = edit === undefined && initial === "" && paramMustBeGiven(spec);
  const control: Common = {
    id,
    name,
    onInput: (event) => onEdit((event.currentTarget as HTMLInputElement).value),
    "data-testid": `param-${name}`,
    "aria-invalid": wrong !== null,
    "aria-describedby": `${id}-about`,
  };
  return (
    <div class={edited ? "param edited" : "param"}>
      <label for={id}>
        {name}
        {missing && <span class="soft"> must be given</span>}
      </label>
      <div class="param-value">
        <Control spec={spec} text={text} control={control} />
        {edited && (
          <button type="button" class="plain" onClick={() => onEdit(undefined)} aria-label={`Reset ${name}`}>
            {initial === "" ? "reset" : `was ${initial.length > 24 ? `${initial.slice(0, 24)}…` : initial}`}
          </button>
        )}
      </div>
      <p id={`${id}-about`} class={wrong ? "param-about wrong" : "param-about"}>
        {wrong && <span>{fault ? wrong : `expected ${wrong}`}. </span>}
        {spec.help && <span>{spec.help} </span>}
        <span class="soft">
          {paramBounds(spec)}
          {paramIsExpression(spec) && initial === "" && <>, default {String(spec.default)}</>}
        </span>
      </p>
    </div>
  );
}

export function ParamForm({ specs, given, edits, onEdit, fault }: FormProps) {
  const names = Object.keys(specs);
  if (names.length === 0) return <p class="soft">This pipeline has no parameters.</p>;
  return (
    <div class="params" data-testid="params">
      {names.map((name) => (
        <Field
          key={name}
          name={name}
          spec={specs[name]!}
          initial={paramInitial(specs[name]!, given[name])}
          edit={edits[name]}
          fault={faultOf(name, fault)}
          onEdit={(text) => onEdit(text === undefined ? without(edits, name) : { ...edits, [name]: text })}
        />
      ))}
    </div>
  );
}
