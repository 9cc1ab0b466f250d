// The parameters of a pipeline as a form has them: texts. The daemon reads each text by the parameter's type, as it does
// for the command line, so nothing loses digits on its way, and it has the last word on what is valid.

export interface ParamSpec {
  type: string;
  items?: string;
  values?: string[];
  min?: string;
  max?: string;
  default?: unknown;
  help?: string;
}

export type ParamSpecs = Record<string, ParamSpec>;
export type Texts = Record<string, string>;

const PLAIN_ITEM = /^[^\s,"'[\]{}](?:[^,"]*[^\s,"])?$/;

// How a person writes a value: a list with commas where that says it all, else as JSON.
export function paramText(spec: ParamSpec, value: unknown): string {
  if (value === null || value === undefined) return spec.type === "json" && value === null ? "null" : "";
  if (typeof value === "string" && spec.type !== "json") return value;
  if (spec.type === "list" && Array.isArray(value)) {
    const items = value.map((item) => (typeof item === "string" ? item : JSON.stringify(item)));
    return items.every((item) => PLAIN_ITEM.test(item)) ? items.join(", ") : JSON.stringify(value);
  }
  return JSON.stringify(value);
}

// An expression over the run, such as "${{ run.date }}", isn't a value yet: the daemon works it out.
export function paramIsExpression(spec: ParamSpec): boolean {
  return typeof spec.default === "string" && spec.default.includes("${{");
}

export function paramMustBeGiven(spec: ParamSpec): boolean {
  return spec.default === undefined;
}

// What the field shows before anybody touched it: the value of the run, else the default.
export function paramInitial(spec: ParamSpec, given: unknown): string {
  if (given !== undefined) return paramText(spec, given);
  return paramIsExpression(spec) ? "" : paramText(spec, spec.default);
}

function numberFault(spec: ParamSpec, text: string): string | null {
  const whole = spec.type === "int";
  const form = whole ? /^-?(0|[1-9]\d*)$/ : /^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/;
  if (!form.test(text)) return whole ? "a whole number, such as 42" : "a number, such as 0.1";
  if (spec.min !== undefined && Number(text) < Number(spec.min)) return `at least ${spec.min}`;
  if (spec.max !== undefined && Number(text) > Number(spec.max)) return `at most ${spec.max}`;
  return null;
}

function jsonFault(text: string): string | null {
  try {
    JSON.parse(text);
    return null;
  } catch {
    return "JSON, such as {\"a\": 1}";
  }
}

// What a text should be instead; null if nothing is wrong as far as can be told here.
export function paramFault(spec: ParamSpec, text: string): string | null {
  switch (spec.type) {
    case "int":
    case "float":
      return numberFault(spec, text.trim());
    case "date":
      return /^\d{4}-\d\d-\d\d$/.test(text) ? null : "a date, such as 2026-03-29";
    case "duration":
      return /^(\d+(ms|[smhdw]))+$/.test(text) ? null : "a duration, such as 1h30m";
    case "json":
      return jsonFault(text);
    case "list":
      return text.trimStart().startsWith("[") ? jsonFault(text) : null;
    default:
      return null;
  }
}

// One line below the field: its bounds, what it is of.
export function paramBounds(spec: ParamSpec): string {
  const of = spec.type === "list" ? `list of ${spec.items ?? "string"}` : spec.type;
  const { min, max } = spec;
  if (min !== undefined && max !== undefined) return `${of}, ${min} to ${max}`;
  if (min !== undefined) return `${of}, at least ${min}`;
  return max !== undefined ? `${of}, at most ${max}` : of;
}

// Of the edits only what differs from what would be taken anyway: this is what a request names.
export function paramsChanged(specs: ParamSpecs, given: Record<string, unknown>, edits: Texts): Texts {
  const out: Texts = {};
  for (const [name, text] of Object.entries(edits)) {
    const spec = specs[name];
    if (spec && text !== paramInitial(spec, given[name])) out[name] = text;
  }
  return out;
}

// The names of the parameters whose present text can't be sent.
export function paramsFaulty(specs: ParamSpecs, given: Record<string, unknown>, edits: Texts): string[] {
  return Object.entries(specs)
    .filter(([name, spec]) => {
      const edit = edits[name];
      if (edit === undefined) return given[name] === undefined && paramMustBeGiven(spec);
      if (edit === paramInitial(spec, given[name]) && !paramMustBeGiven(spec)) return false;
      return paramFault(spec, edit) !== null;
    })
    .map(([name]) => name);
}
