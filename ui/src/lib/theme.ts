// Light or dark: as the system has it, or as the reader chose.
import { signal } from "@preact/signals";
import { stored, storedPut } from "./stored";

export type Theme = "system" | "light" | "dark";

export const theme = signal<Theme>(stored("theme", ["system", "light", "dark"], "system"));

export function themeApply(): void {
  if (theme.value === "system") delete document.documentElement.dataset["theme"];
  else document.documentElement.dataset["theme"] = theme.value;
}

export function themeChoose(next: Theme): void {
  theme.value = next;
  storedPut("theme", next);
  themeApply();
}

export function themeDark(): boolean {
  return theme.value === "dark" || (theme.value === "system" && matchMedia("(prefers-color-scheme: dark)").matches);
}
