// The addresses of pages and of the API. A pipeline's name has its slashes written as dots, a run goes by its id.
import { API } from "./api";

export const pipelinePart = (name: string): string => encodeURIComponent(name.replaceAll("/", "."));

export const pipelineHref = (name: string, tab = ""): string => `/p/${pipelinePart(name)}${tab ? `?tab=${tab}` : ""}`;
export const runHref = (run: string): string => `/r/${encodeURIComponent(run)}`;
export const taskHref = (run: string, label: string): string => `${runHref(run)}/t/${encodeURIComponent(label)}`;
export const runsHref = (q: string): string => `/runs${q ? `?q=${encodeURIComponent(q)}` : ""}`;
export const compareHref = (a: string, b: string): string =>
  `/compare?a=${encodeURIComponent(a)}&b=${encodeURIComponent(b)}`;

export const hostHref = (name: string): string => `/hosts/${encodeURIComponent(name)}`;

export const hostApi = (name: string, below = ""): string => `${API}/hosts/${encodeURIComponent(name)}${below}`;
export const pipelineApi = (name: string, below = ""): string => `${API}/pipelines/${pipelinePart(name)}${below}`;
export const runApi = (run: string, below = ""): string => `${API}/runs/${encodeURIComponent(run)}${below}`;
