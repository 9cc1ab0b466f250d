// The login: a token, or the code of a link made by `rota open`. It shares no file with the pages.
import "../style/login.css";

const form = document.getElementById("form") as HTMLFormElement;
const field = document.getElementById("token") as HTMLInputElement;
const button = document.getElementById("send") as HTMLButtonElement;
const problem = document.getElementById("problem") as HTMLParagraphElement;

// Only an address of ours: another one in the link would send the reader elsewhere. It is followed as a whole, since a
// path alone may begin with two slashes once its dots are taken out, which is another host's address.
function next(): string {
  const asked = new URLSearchParams(location.search).get("next") ?? "/";
  const url = new URL(asked, location.origin);
  const ours = url.origin === location.origin && asked.startsWith("/") && url.pathname !== "/login";
  return ours ? url.href : "/";
}

function say(text: string): void {
  problem.textContent = text;
  problem.hidden = text === "";
}

async function refusal(response: Response): Promise<string> {
  if (response.status === 429) {
    const seconds = response.headers.get("Retry-After");
    return `Too many tries. Try again${seconds ? ` in ${seconds} s` : " in a minute"}.`;
  }
  try {
    return ((await response.json()) as { detail?: string }).detail ?? response.statusText;
  } catch {
    return `The daemon answered with status ${response.status}.`;
  }
}

async function login(secret: { token: string } | { code: string }): Promise<void> {
  button.disabled = true;
  say("");
  try {
    const response = await fetch("/api/v1/login", {
      method: "POST",
      credentials: "same-origin",
      headers: { "Content-Type": "application/json", Accept: "application/json" },
      body: JSON.stringify(secret),
    });
    if (response.ok) {
      location.replace(next());
      return;
    }
    say(await refusal(response));
  } catch {
    say("The daemon doesn't answer.");
  }
  button.disabled = false;
  field.focus();
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  const token = field.value.trim();
  if (token) void login({ token });
});

document.documentElement.dataset["ready"] = "1";

const code = new URLSearchParams(location.hash.slice(1)).get("code");
if (code) {
  // A code works once: it doesn't stay in the address.
  history.replaceState(null, "", location.pathname + location.search);
  void login({ code });
}
