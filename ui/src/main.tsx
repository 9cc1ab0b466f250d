import "../style/main.css";
import { effect } from "@preact/signals";
import { render } from "preact";
import { keysStart } from "./lib/keys";
import { meLoad } from "./lib/me";
import { routerStart } from "./lib/router";
import { themeApply } from "./lib/theme";
import { heard, liveStart } from "./live/store";
import { laterLoad } from "./parts/later";
import { Shell } from "./parts/shell";

themeApply();
routerStart();
keysStart();
// While the daemon isn't heard nothing on the page moves.
effect(() => {
  document.documentElement.toggleAttribute("data-stale", !heard.value);
});
render(<Shell />, document.getElementById("app")!);
liveStart();
void meLoad();

// What comes next is fetched once the browser has nothing better to do.
const idle = window.requestIdleCallback ?? ((run: () => void) => setTimeout(run, 500));
addEventListener("load", () => idle(() => void laterLoad().catch(() => undefined)));
